import { create } from '@bufbuild/protobuf';
import { ResultConflictError } from './api-errors.js';
import {
  type State,
  StateChangeCause,
  StateRevisionSchema,
  type StateRevision as WireRevision,
} from './gen/polos/v1/state_pb.js';
import {
  GetStateRequestSchema,
  ListStateRevisionsRequestSchema,
  PatchStateRequestSchema,
  WatchStateRequestSchema,
  type WatchStateResponse,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import { pagesOf } from './pages.js';
import { reopening } from './reopening.js';
import { diff } from './state/diff.js';
import type { JsonObject } from './state/json.js';
import { applyPatch, type PatchOperation } from './state/patch.js';
import { toDate, toTimestamp } from './time.js';
import type { Transport } from './transport.js';

/** An execution's state at one revision. */
export interface StateSnapshot<TState = JsonObject> {
  /** The document. */
  readonly value: TState;
  /** 1 for the state that the execution was created with, one more for each commit that changed it. */
  readonly revision: number;
  /** When that revision was committed. */
  readonly updatedAt: Date | undefined;
  /** Bytes of its JSON text. */
  readonly sizeBytes: number;
  /** Whether the execution is final, so that no further revision will come. */
  readonly isFinal: boolean;
}

/** One change of a state. */
export interface StateRevision {
  /** The revision that it made. */
  readonly revision: number;
  /** What changed: a JSON Patch (RFC 6902). That of revision 1 replaces the whole document by the first one. */
  readonly patch: readonly PatchOperation[];
  /** When it was committed. */
  readonly createdAt: Date | undefined;
  /** The last step whose outcome came with it, if one did. */
  readonly stepKey: string | undefined;
  /** Why and by whom it was made, if an operator made it (`patch`). */
  readonly repair: { readonly reason: string; readonly author: string } | undefined;
  /** From which version of the state's form to which, if it was a migration. */
  readonly migration: { readonly fromVersion: number; readonly toVersion: number } | undefined;
}

/** What goes with a repair of a state. */
export interface PatchOptions {
  /** The revision that the patch is against, which must be the latest: of the state that you looked at. */
  readonly expectedRevision: number;
  /** Why, for whoever reads the revisions: 1 to 1,024 bytes. */
  readonly reason: string;
  /** Who makes it: a name or an address, 1 to 200 bytes. */
  readonly author: string;
}

/** A state at one revision, and what changed with it. */
export interface WatchedState<TState = JsonObject> extends StateRevision {
  /** The document: the watcher's own, to keep or to change. */
  readonly value: TState;
}

/** Which state to read. At most one of `revision` and `time`; default: the latest. */
export interface StateOptions {
  /** This revision. */
  readonly revision?: number;
  /** The revision that was the latest at this time. */
  readonly time?: Date;
  /** Only what is at these JSON Pointers, and what leads there. Default: the whole document. */
  readonly paths?: readonly string[];
}

/** Where to begin watching. */
export interface WatchOptions {
  /** Only revisions after this one. Default: the latest one comes first, then those after it. */
  readonly after?: number;
  /** Ends the watching quietly. */
  readonly signal?: AbortSignal;
}

/**
 * An execution's state, read at any time and with no worker: call it for the latest, or for one revision.
 * @throws NotFoundError, also for a revision that does not exist.
 */
export interface StateReader {
  <TState = JsonObject>(options?: StateOptions): Promise<StateSnapshot<TState>>;
  /**
   * Each revision in order, none missing, as it is committed; ends once the execution is final. A break of the connection
   * is bridged.
   * @throws NotFoundError from the iterator; RangeError for a revision to start after that does not exist.
   */
  watch<TState = JsonObject>(options?: WatchOptions): AsyncGenerator<WatchedState<TState>, void, undefined>;
  /** What each revision changed, oldest first. @throws NotFoundError from the iterator. */
  revisions(options?: { readonly after?: number }): AsyncGenerator<StateRevision, void, undefined>;
  /** What leads from one revision to another, whichever is older. @throws NotFoundError. */
  diff(from: number, to: number): Promise<readonly PatchOperation[]>;
  /**
   * Repairs the state of an execution that no worker holds: one that is queued, waits or is paused. It becomes a revision that
   * says why and who, and its code gets it at its place on every replay. It wakes nothing. To undo it, patch with the `diff`
   * from the repair's revision to the one before. May be repeated.
   * @returns the revision that it made; the latest if it changed nothing.
   * @throws NotFoundError; ExecutionRunningError while a worker holds it: `pause` it first; ExecutionClosedError;
   * ResultConflictError if the state is at another revision; StateValidationError if it would break its schema;
   * InvalidArgumentError for a patch that does not apply; StateSizeError.
   */
  patch(patch: readonly PatchOperation[], options: PatchOptions): Promise<number>;
}

const { getState, listStateRevisions, patchState, watchState } = WorkflowService.method;

/** Makes `handle.state`. */
export function createStateReader(transport: Transport, executionId: string): StateReader {
  const read = (options?: StateOptions) => readState(transport, executionId, options);
  const reader = {
    watch: (options?: WatchOptions) => watch(transport, executionId, options),
    revisions: (options?: { readonly after?: number }) => readRevisions(transport, executionId, options),
    async diff(from: number, to: number) {
      const [a, b] = await Promise.all([read({ revision: from }), read({ revision: to })]);
      return diff(a.value, b.value);
    },
    patch: (patch: readonly PatchOperation[], options: PatchOptions) =>
      repair(transport, executionId, patch, options),
  };
  // The types of documents are the caller's word.
  return Object.assign(read, reader) as StateReader;
}

/** The `state` of an execution that is still being started. */
export function stateReaderOf(started: Promise<{ readonly state: StateReader }>): StateReader {
  const reader = {
    async *watch(options?: WatchOptions) {
      yield* (await started).state.watch(options);
    },
    async *revisions(options?: { readonly after?: number }) {
      yield* (await started).state.revisions(options);
    },
    diff: async (from: number, to: number) => (await started).state.diff(from, to),
    patch: async (patch: readonly PatchOperation[], options: PatchOptions) =>
      (await started).state.patch(patch, options),
  };
  return Object.assign(
    async (options?: StateOptions) => (await started).state(options),
    reader,
  ) as StateReader;
}

/** Reads an execution's state. @throws NotFoundError for the execution or the revision. */
async function readState(
  transport: Transport,
  executionId: string,
  { revision, time, paths = [] }: StateOptions = {},
): Promise<StateSnapshot> {
  if (revision !== undefined && time !== undefined) {
    throw new RangeError('a state is read at a revision or at a time, not at both');
  }
  const request = create(GetStateRequestSchema, {
    executionId,
    paths: [...paths],
    ...(revision !== undefined && { at: { case: 'revision', value: BigInt(revision) } }),
    ...(time !== undefined && { at: { case: 'time', value: toTimestamp(time.getTime()) } }),
  });
  const { state } = await transport.call(getState, request, { repeatable: true });
  if (state === undefined) throw new Error('the server answered without a state');
  return toSnapshot(state);
}

async function repair(
  transport: Transport,
  executionId: string,
  patch: readonly PatchOperation[],
  { expectedRevision, reason, author }: PatchOptions,
): Promise<number> {
  const request = create(PatchStateRequestSchema, {
    ...{ executionId, expectedRevision: BigInt(expectedRevision), reason, author },
    patch: JSON.stringify(patch),
  });
  try {
    const { revision } = await transport.call(patchState, request, { repeatable: true });
    return Number(revision);
  } catch (error) {
    if (!(error instanceof ResultConflictError)) throw error;
    // A worker's conflict may be over after a replay; another revision stays.
    throw new ResultConflictError(error.message, { retryable: false });
  }
}

async function* readRevisions(
  transport: Transport,
  executionId: string,
  { after = 0 }: { readonly after?: number } = {},
): AsyncGenerator<StateRevision, void, undefined> {
  const what = { executionId, afterRevision: BigInt(after), pageSize: 500 };
  const read = (pageToken: string) => {
    const request = create(ListStateRevisionsRequestSchema, { ...what, pageToken });
    return transport.call(listStateRevisions, request, { repeatable: true });
  };
  for await (const { revisions } of pagesOf(read)) yield* revisions.map(toRevision);
}

async function* watch(
  transport: Transport,
  executionId: string,
  { after = 0, signal }: WatchOptions = {},
): AsyncGenerator<WatchedState, void, undefined> {
  let document: JsonObject = {};
  let afterRevision = BigInt(after);
  if (after > 0) document = (await readState(transport, executionId, { revision: after })).value;
  const open = () => {
    const request = create(WatchStateRequestSchema, { executionId, afterRevision });
    return transport.stream(watchState, request, signal);
  };
  for await (const { message } of reopening(open, signal)) {
    const change = changeIn(message);
    if (change === undefined) continue;
    afterRevision = change.revision;
    // Parsed apart from what is handed out, as the document is copied: the watcher may change both.
    document = applyPatch(document, JSON.parse(change.patch) as PatchOperation[]);
    yield { ...toRevision(change), value: structuredClone(document) };
  }
}

/** What changed, or the whole document as the change that makes it of any other. */
function changeIn(message: WatchStateResponse['message']): WireRevision | undefined {
  if (message.case === 'revision') return message.value;
  if (message.case !== 'state') return undefined;
  const { json, revision, updateTime } = message.value;
  const fields = { revision, patch: `[{"op":"replace","path":"","value":${json}}]` };
  return create(StateRevisionSchema, { ...fields, ...(updateTime && { createTime: updateTime }) });
}

function toSnapshot(state: State): StateSnapshot {
  return {
    value: JSON.parse(state.json) as JsonObject,
    revision: Number(state.revision),
    updatedAt: toDate(state.updateTime),
    sizeBytes: Number(state.sizeBytes),
    isFinal: state.final,
  };
}

function toRevision({ revision, patch, createTime, stepKey, ...made }: WireRevision): StateRevision {
  const { cause, reason, author, fromStateVersion: fromVersion, toStateVersion: toVersion } = made;
  return {
    revision: Number(revision),
    patch: JSON.parse(patch) as PatchOperation[],
    createdAt: toDate(createTime),
    stepKey: stepKey || undefined,
    repair: cause === StateChangeCause.REPAIR ? { reason, author } : undefined,
    migration: cause === StateChangeCause.MIGRATION ? { fromVersion, toVersion } : undefined,
  };
}
