import type { StandardSchemaV1 } from '@standard-schema/spec';
import { StateSizeError, StateValidationError } from '../errors.js';
import { describeIssues } from '../issue.js';
import { type Checked, check } from '../schema.js';
import { findConflict } from './conflict.js';
import { diff } from './diff.js';
import { assertJson, isPlainObject, type JsonObject, JsonRefusal, jsonEquals } from './json.js';
import { applyIfPossible, applyPatch, type PatchOperation } from './patch.js';

/** Bytes of a state's JSON text in UTF-8. */
export const STATE_BYTES_MAX = 1_048_576;

/** What changed since the last commit, ready to be sent. */
export interface StateChange {
  /** The revision that the change is against. */
  readonly baseRevision: bigint;
  /** A JSON Patch as text, or the whole document where that is shorter. */
  readonly change:
    | { readonly case: 'patch'; readonly value: string }
    | { readonly case: 'document'; readonly value: string };
}

/** A step's function's own copy of the state. */
export interface StateDraft {
  /** The document that the function works on. May be reassigned. */
  current: unknown;
  /** The document as it was when the copy was made. */
  readonly base: JsonObject;
}

/**
 * The state of one execution while its handler runs: the document that the code changes, and a private copy of the last
 * one committed, against which changes are found. Nothing is copied or written as long as nothing changes.
 */
export class StateDocument {
  /** What `ctx.state` is. The code may change it in place or assign another value. */
  current: unknown;
  #committed: JsonObject;
  #revision: bigint;
  readonly #schema: StandardSchemaV1<unknown, unknown> | undefined;
  /** At least the size of `current`: grows by each patch's text, and is measured anew when it passes the limit. */
  #bytesAtMost: number;

  private constructor(
    current: JsonObject,
    recorded: { readonly json: string; readonly revision: bigint },
    schema: StandardSchemaV1<unknown, unknown> | undefined,
  ) {
    this.current = current;
    this.#committed = parseObject(recorded.json);
    this.#revision = recorded.revision;
    this.#schema = schema;
    this.#bytesAtMost = Buffer.byteLength(recorded.json);
  }

  /**
   * The document at the start of a handler: the initial state with the schema's defaults.
   * @param initialJson JSON text, or empty for none.
   * @param recorded the document and revision of the last commit, against which the first change is found.
   * @throws StateValidationError if the initial state does not fit the schema.
   */
  static async open(
    initialJson: string,
    recorded: { readonly json: string; readonly revision: bigint },
    schema: StandardSchemaV1<unknown, unknown> | undefined,
  ): Promise<StateDocument> {
    const initial = parseObject(initialJson);
    if (schema === undefined) return new StateDocument(initial, recorded, schema);
    const value = valid('the initial state', await check(schema, initial));
    // A copy, because a schema may hand out the very object that it keeps as a default (zod 3 with `unknown`, zod 4).
    return new StateDocument(parseObject(writeObject(value)), recorded, schema);
  }

  /**
   * The text of a document that the schema accepts, with its defaults.
   * @throws StateValidationError, StateSizeError if it must not be saved.
   */
  static async text(
    document: JsonObject,
    schema: StandardSchemaV1<unknown, unknown> | undefined,
  ): Promise<string> {
    const text = writeObject(document);
    const value = schema === undefined ? document : valid('the state', await check(schema, JSON.parse(text)));
    const result = writeObject(value);
    const size = Buffer.byteLength(result);
    if (size > STATE_BYTES_MAX) throw new StateSizeError(size, STATE_BYTES_MAX);
    return result;
  }

  /** The revision of the last commit. */
  get revision(): bigint {
    return this.#revision;
  }

  /**
   * Finds what changed since the last commit, and checks that the new state may be saved. `committed` makes it the base.
   * @returns undefined if nothing changed.
   * @throws StateValidationError, StateSizeError if it must not be saved.
   */
  async change(): Promise<StateChange | undefined> {
    const operations = this.#diff();
    if (operations.length === 0) return undefined;
    const patch = JSON.stringify(operations);
    const baseRevision = this.#revision;
    const document = this.#measure(patch);
    if (this.#schema !== undefined) {
      const checked = check(this.#schema, this.current);
      valid('the state', checked instanceof Promise ? await checked : checked);
    }
    return document !== undefined && document.length < patch.length
      ? { baseRevision, change: { case: 'document', value: document } }
      : { baseRevision, change: { case: 'patch', value: patch } };
  }

  /** Takes note that a change was saved, as this revision. */
  committed(change: StateChange | undefined, revision: bigint): void {
    this.#revision = revision;
    if (change === undefined) return;
    const { case: form, value } = change.change;
    if (form === 'document') {
      this.#committed = parseObject(value);
      this.#bytesAtMost = Buffer.byteLength(value);
    } else {
      this.#committed = applyPatch(this.#committed, JSON.parse(value) as PatchOperation[]);
      this.#bytesAtMost += Buffer.byteLength(value);
    }
  }

  /**
   * A copy for a step's function.
   * @throws StateValidationError if JSON cannot hold the state as it is now.
   */
  draft(): StateDraft {
    const text = writeObject(this.current);
    return { current: JSON.parse(text) as JsonObject, base: parseObject(text) };
  }

  /**
   * What a step's function changed in its copy, as the text of a JSON Patch; empty for nothing.
   * @throws StateValidationError if JSON cannot hold it.
   */
  static patchOf(draft: StateDraft): string {
    if (!isPlainObject(draft.current)) throw notAnObject();
    let operations: PatchOperation[] = [];
    const refused = asStateError(() => {
      operations = diff(draft.base, draft.current);
    });
    if (refused !== undefined) throw refused;
    return operations.length === 0 ? '' : JSON.stringify(operations);
  }

  /**
   * Finds a place that both a step's function and another branch changed.
   * @param base the document that the function started from.
   * @returns the place as a JSON Pointer, or undefined.
   */
  conflict(patch: string, base: JsonObject): string | undefined {
    if (!isPlainObject(this.current)) return '';
    return findConflict(base, this.current as JsonObject, JSON.parse(patch) as PatchOperation[]);
  }

  /**
   * Applies what a step's function changed.
   * @throws RangeError if the patch does not fit the document.
   */
  apply(patch: string): void {
    if (!isPlainObject(this.current)) throw new RangeError('the state is no object');
    this.current = applyPatch(this.current as JsonObject, JSON.parse(patch) as PatchOperation[]);
  }

  /**
   * Applies what somebody else changed, at its place in the recorded order; references into the document stay valid.
   * @param isBeforeCode whether code that made some of it will run again: see StepRecord.before_code.
   * @returns the places that are not there, as JSON Pointers: what the patch says of them was left out.
   * @throws RangeError if the patch does not fit the document, and should.
   */
  changeAside(patch: string, isBeforeCode: boolean): readonly string[] {
    if (!isPlainObject(this.current)) throw new RangeError('the state is no object');
    const document = this.current as JsonObject;
    const operations = (JSON.parse(patch) as PatchOperation[]).flatMap((operation) =>
      operation.path === '' && operation.op !== 'remove' ? diff(document, operation.value) : [operation],
    );
    if (isBeforeCode) {
      return operations.filter((operation) => !applyIfPossible(document, operation)).map(({ path }) => path);
    }
    applyPatch(document, operations);
    return [];
  }

  /** Makes the document another one; references into it stay valid where both have something. */
  become(document: JsonObject): void {
    if (isPlainObject(this.current)) {
      applyPatch(this.current as JsonObject, diff(this.current as JsonObject, document));
    } else {
      this.current = document;
    }
  }

  /**
   * Compares the document with the last committed one, which a replay must have rebuilt. Defaults of a schema that was
   * extended meanwhile make no difference.
   * @returns the JSON Pointer of the first difference, or undefined.
   */
  async differenceFromCommitted(): Promise<string | undefined> {
    if (jsonEquals(this.#committed, this.current)) return undefined;
    if (this.#schema !== undefined) {
      const recorded = await check(this.#schema, structuredClone(this.#committed));
      if ('value' in recorded && jsonEquals(recorded.value, this.current)) return undefined;
      const rebuilt = await check(this.#schema, this.current);
      const both = 'value' in recorded && 'value' in rebuilt;
      if (both && jsonEquals(recorded.value, rebuilt.value)) return undefined;
    }
    return this.#diff()[0]?.path ?? '';
  }

  #diff(): PatchOperation[] {
    if (!isPlainObject(this.current)) throw notAnObject();
    let operations: PatchOperation[] = [];
    const refused = asStateError(() => {
      operations = diff(this.#committed, this.current);
    });
    if (refused !== undefined) throw refused;
    return operations;
  }

  /** @returns the document's text if it had to be written, which is when the state or the patch may be large. */
  #measure(patch: string): string | undefined {
    const patchBytesAtMost = patch.length * 3;
    const isShort = patchBytesAtMost < 3_000 || patchBytesAtMost < this.#bytesAtMost;
    if (isShort && this.#bytesAtMost + patchBytesAtMost <= STATE_BYTES_MAX) return undefined;
    const text = JSON.stringify(this.current);
    const size = Buffer.byteLength(text);
    if (size > STATE_BYTES_MAX) throw new StateSizeError(size, STATE_BYTES_MAX);
    this.#bytesAtMost = size - Buffer.byteLength(patch);
    return text;
  }
}

function parseObject(json: string): JsonObject {
  return json === '' ? {} : (JSON.parse(json) as JsonObject);
}

/** @throws StateValidationError if it is no object that JSON can hold. */
function writeObject(value: unknown): string {
  if (!isPlainObject(value)) throw notAnObject();
  const refused = asStateError(() => assertJson(value));
  if (refused !== undefined) throw refused;
  return JSON.stringify(value);
}

function valid<T>(what: string, checked: Checked<T>): T {
  if ('value' in checked) return checked.value;
  throw new StateValidationError(describeIssues(what, checked.issues), checked.issues);
}

function notAnObject(): StateValidationError {
  const issues = [{ path: '', message: 'must be a plain object' }];
  return new StateValidationError(describeIssues('the state', issues), issues);
}

function asStateError(work: () => void): StateValidationError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof JsonRefusal)) throw error;
    const issues = [{ path: error.path, message: error.reason }];
    return new StateValidationError(describeIssues('the state', issues), issues);
  }
}
