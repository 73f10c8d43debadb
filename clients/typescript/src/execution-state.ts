import { create } from '@bufbuild/protobuf';
import type { State, StateRevision as WireRevision } from './gen/polos/v1/state_pb.js';
import {
  GetStateRequestSchema,
  ListStateRevisionsRequestSchema,
  WatchStateRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
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
}

const { getState, listStateRevisions, watchState } = WorkflowService.method;

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
  };
  return Object.assign(
    async (options?: StateOptions) => (await started).state(options),
    reader,
  ) as StateReader;
}

/** Reads an execution's state. @throws NotFoundError for the execution or the revision. */
export async function readState(
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

async function* readRevisions(
  transport: Transport,
  executionId: string,
  { after = 0 }: { readonly after?: number } = {},
): AsyncGenerator<StateRevision, void, undefined> {
  let pageToken = '';
  do {
    const request = create(ListStateRevisionsRequestSchema, { executionId, pageSize: 500, pageToken });
    const page = await transport.call(listStateRevisions, request, { repeatable: true });
    for (const revision of page.revisions) if (revision.revision > after) yield toRevision(revision);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

async function* watch(
  transport: Transport,
  executionId: string,
  { after = 0, signal }: WatchOptions = {},
): AsyncGenerator<WatchedState, void, undefined> {
  let known: { document: JsonObject; revision: number } | undefined;
  if (after > 0) {
    const { value } = await readState(transport, executionId, { revision: after });
    known = { document: value, revision: after };
  }
  const open = () => {
    const afterRevision = BigInt(known?.revision ?? 0);
    const request = create(WatchStateRequestSchema, { executionId, afterRevision });
    return transport.stream(watchState, request, signal);
  };
  for await (const { message } of reopening(open, signal)) {
    if (message.case === 'state') {
      const { value, revision, updatedAt } = toSnapshot(message.value);
      known = { document: value, revision };
      const whole: PatchOperation[] = [{ op: 'replace', path: '', value }];
      yield {
        revision,
        patch: whole,
        createdAt: updatedAt,
        stepKey: undefined,
        value: structuredClone(value),
      };
    } else if (message.case === 'revision' && known !== undefined) {
      const revision = toRevision(message.value);
      known = { document: patched(known.document, message.value.patch), revision: revision.revision };
      yield { ...revision, value: structuredClone(known.document) };
    }
  }
}

/** The document after a patch: another object only where the whole is replaced. */
function patched(document: JsonObject, text: string): JsonObject {
  let result = document;
  for (const operation of JSON.parse(text) as PatchOperation[]) {
    if (operation.path === '' && operation.op !== 'remove') result = operation.value as JsonObject;
    else applyPatch(result, [operation]);
  }
  return result;
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

function toRevision({ revision, patch, createTime, stepKey }: WireRevision): StateRevision {
  return {
    revision: Number(revision),
    patch: JSON.parse(patch) as PatchOperation[],
    createdAt: toDate(createTime),
    stepKey: stepKey || undefined,
  };
}
