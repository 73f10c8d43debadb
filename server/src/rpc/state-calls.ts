import { create } from '@bufbuild/protobuf';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.js';
import { pointerSegments } from '../core/json-pointer.js';
import { parsePatch } from '../core/state-document.js';
import type { EngineApi, StateNews, StatePoint, StateRevision, StateView } from '../engine/api.js';
import {
  type State,
  StateChangeCause,
  StateRevisionSchema,
  StateSchema,
  type StateRevision as WireRevision,
} from '../gen/polos/v1/state_pb.js';
import {
  type GetStateRequest,
  type GetStateResponse,
  GetStateResponseSchema,
  type ListStateRevisionsRequest,
  type ListStateRevisionsResponse,
  ListStateRevisionsResponseSchema,
  type PatchStateRequest,
  type PatchStateResponse,
  PatchStateResponseSchema,
  type WatchStateRequest,
  type WatchStateResponse,
  WatchStateResponseSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import { repairDigest } from './codec/fingerprint.js';
import { fromTimestamp, toTimestamp } from './codec/time.js';
import { KEEPALIVE_MS, withKeepalive } from './event-stream.js';
import type { Call } from './method.js';
import { decodePlaceToken, encodePlaceToken } from './page-token.js';
import { declaredForLater, invalidField, stateRefused, unavailable } from './refusals.js';

const PAGE_SIZE_DEFAULT = 50;

/** GetState: the document, or the parts of it that are asked for. */
export async function getState(
  engine: EngineApi,
  request: GetStateRequest,
  { projectId }: Call,
): Promise<GetStateResponse> {
  if (request.fieldMask) throw declaredForLater('GetStateRequest.field_mask');
  const paths = request.paths.map(segmentsOf);
  const view = await engine.state(projectId, request.executionId, fromPoint(request));
  const state = toState(view);
  if (paths.length > 0) state.json = JSON.stringify(partsOf(JSON.parse(view.json) as JsonObject, paths));
  return create(GetStateResponseSchema, { state });
}

/** ListStateRevisions: a page of what changed. */
export async function listStateRevisions(
  engine: EngineApi,
  { executionId, pageSize, pageToken, afterRevision }: ListStateRevisionsRequest,
  { projectId }: Call,
): Promise<ListStateRevisionsResponse> {
  const after = Math.max(Number(afterRevision), decodePlaceToken(pageToken));
  const limit = pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
  const page = { afterRevision: after, limit };
  const { revisions, next } = await engine.stateRevisions(projectId, executionId, page);
  return create(ListStateRevisionsResponseSchema, {
    revisions: revisions.map(toRevision),
    nextPageToken: encodePlaceToken(next),
  });
}

/** WatchState: the document, then each revision, with a sign of life while nothing happens. */
export async function* watchState(
  engine: EngineApi,
  { executionId, afterRevision }: WatchStateRequest,
  { projectId, signal }: Call,
): AsyncIterable<WatchStateResponse> {
  const from = { afterRevision: Number(afterRevision), signal };
  const news = engine.watchState(projectId, executionId, from);
  for await (const batch of withKeepalive(news, KEEPALIVE_MS)) {
    if (batch === 'keepalive') yield keepalive();
    else yield* toMessages(batch);
  }
  if (signal.aborted) throw unavailable('the server is about to stop; call again with the last revision');
}

/** PatchState: a repair. */
export async function patchState(
  engine: EngineApi,
  request: PatchStateRequest,
  { projectId }: Call,
): Promise<PatchStateResponse> {
  const { executionId, expectedRevision, reason, author } = request;
  const parsed = parsePatch(request.patch);
  if ('problem' in parsed) throw stateRefused(parsed.problem, 'patch');
  const revision = await engine.patchState(projectId, executionId, {
    expectedRevision: Number(expectedRevision),
    patch: parsed.patch,
    digest: repairDigest(request),
    reason,
    author,
  });
  return create(PatchStateResponseSchema, { revision: BigInt(revision) });
}

function* toMessages(news: StateNews): Iterable<WatchStateResponse> {
  if (news.type === 'document') {
    yield create(WatchStateResponseSchema, { message: { case: 'state', value: toState(news.state) } });
    return;
  }
  for (const revision of news.revisions) {
    yield create(WatchStateResponseSchema, { message: { case: 'revision', value: toRevision(revision) } });
  }
}

function keepalive(): WatchStateResponse {
  return create(WatchStateResponseSchema, { message: { case: 'keepalive', value: {} } });
}

function toState({ json, revision, updatedAt, bytes, final }: StateView): State {
  const times = { updateTime: toTimestamp(updatedAt), sizeBytes: BigInt(bytes) };
  return create(StateSchema, { json, revision: BigInt(revision), ...times, final });
}

function toRevision({ revision, patch, at, stepKey = '', repair, migration }: StateRevision): WireRevision {
  return create(StateRevisionSchema, {
    ...{ revision: BigInt(revision), patch: JSON.stringify(patch), createTime: toTimestamp(at), stepKey },
    ...(repair && { cause: StateChangeCause.REPAIR, ...repair }),
    ...(migration && {
      cause: StateChangeCause.MIGRATION,
      fromStateVersion: migration.fromVersion,
      toStateVersion: migration.toVersion,
    }),
  });
}

function fromPoint({ at }: GetStateRequest): StatePoint | undefined {
  switch (at.case) {
    case 'revision':
      return { revision: Number(at.value) };
    case 'time':
      return { time: fromTimestamp(at.value) };
    case undefined:
      return undefined;
  }
}

function segmentsOf(pointer: string, index: number): string[] {
  const segments = pointerSegments(pointer);
  if (segments) return segments;
  throw invalidField(`paths[${index}]`, `"${pointer}" is no JSON Pointer; write "/member"`);
}

/** What a document holds at some places, and what leads there. */
function partsOf(document: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  if (paths.some((path) => path.length === 0)) return document;
  const parts = Object.entries(document).flatMap(([name, value]): [string, JsonValue][] => {
    const rests = paths.filter(([first]) => first === name).map(([, ...rest]) => rest);
    if (rests.length === 0) return [];
    if (isJsonObject(value)) return [[name, partsOf(value, rests)]];
    const isWanted = Array.isArray(value) || rests.some((rest) => rest.length === 0);
    return isWanted ? [[name, value]] : [];
  });
  return Object.fromEntries(parts);
}
