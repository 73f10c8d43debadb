import type { Client } from '@connectrpc/connect';
import type { ExecutionHandle } from '@polos/sdk';
import { expect } from 'vitest';
import { applyPatch as applyInPlace } from '../../clients/typescript/src/state/patch.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../server/src/core/json.js';
import { pointerSegment } from '../../server/src/core/json-pointer.js';
import {
  applyPatch,
  EMPTY_STATE,
  parsePatch,
  type StateDocument,
} from '../../server/src/core/state-document.js';
import type { StateRevision } from '../../server/src/gen/polos/v1/state_pb.js';
import type { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import type { Random } from '../simulation/random.js';
import { canonical, canonicalText } from './canonical-json.js';
import type { Luggage } from './luggage.js';

/** How an execution is read: without an SDK, and with one. */
export interface Readers {
  readonly calls: Client<typeof WorkflowService>;
  readonly handle: ExecutionHandle;
  readonly random: Random;
}

/** That all luggage of an execution can be read as it was sent, in every way there is. */
export async function checkArrival(readers: Readers, luggage: Luggage): Promise<void> {
  await checkExecution(readers, luggage);
  await checkSteps(readers, luggage);
  await checkEvents(readers, luggage);
  await checkStates(readers, luggage);
}

async function checkExecution({ calls, handle }: Readers, luggage: Luggage): Promise<void> {
  const { execution } = await calls.getExecution({ executionId: handle.id });
  expect(canonicalText(execution?.payload?.body.value as string)).toBe(canonical(luggage.payload));
  expect(canonicalText(execution?.initialState ?? '')).toBe(canonical(luggage.initialState));
  expect(canonicalText(execution?.result?.body.value as string)).toBe(canonical(luggage.result));
  expect(canonical(await handle.result())).toBe(canonical(luggage.result));
}

async function checkSteps({ calls, handle }: Readers, { stops }: Luggage): Promise<void> {
  const { steps } = await calls.listSteps({ executionId: handle.id });
  const byKey = new Map(steps.map((step) => [step.key, step]));
  for (const [index, { before, within, result }] of stops.entries()) {
    const step = byKey.get(`within ${index}`);
    expect(canonicalText(step?.result?.body.value as string)).toBe(canonical(result));
    const document = copyOf(before.state);
    const patch = JSON.parse(step?.statePatch || '[]');
    expect(canonical(applyInPlace(document, patch))).toBe(canonical(within.state));
  }
}

async function checkEvents({ handle }: Readers, { stops }: Luggage): Promise<void> {
  const published: unknown[] = [];
  for await (const { type, data } of handle.events({ follow: false }))
    if (type === 'stop') published.push(data);
  expect(canonical(published)).toBe(canonical(stops.map(({ event }) => event)));
}

/** Each revision as the fold of the patches up to it, as GetState has it, and as a watcher sees it. */
async function checkStates(readers: Readers, luggage: Luggage): Promise<void> {
  const { calls, handle, random } = readers;
  const expected = statesOf(luggage);
  const folded: string[] = [];
  let document: StateDocument = EMPTY_STATE;
  for (const { patch } of await listRevisions(readers)) {
    document = folding(document, patch);
    folded.push(canonical(document.value));
    expect(document.bytes).toBe(Buffer.byteLength(JSON.stringify(document.value)));
  }
  expect(folded).toEqual(expected);
  for (const [index, text] of expected.entries()) {
    const at = { case: 'revision' as const, value: BigInt(index + 1) };
    const { state } = await calls.getState({ executionId: handle.id, at });
    expect(canonicalText(state?.json ?? '')).toBe(text);
    expect(state?.sizeBytes).toBe(BigInt(Buffer.byteLength(state?.json ?? '')));
  }
  const watched: string[] = [];
  for await (const { value } of handle.state.watch({ after: 1 })) watched.push(canonical(value));
  expect(watched).toEqual(expected.slice(1));
  const [from, to] = [random.between(1, expected.length), random.between(1, expected.length)];
  const start = (await handle.state({ revision: from })).value as JsonObject;
  const patch = structuredClone(await handle.state.diff(from, to));
  expect(canonical(applyInPlace(copyOf(start), patch as never))).toBe(expected[to - 1]);
  await checkParts(readers, JSON.parse(expected.at(-1) ?? ''));
}

async function checkParts({ handle, random }: Readers, document: JsonObject): Promise<void> {
  const paths = Array.from({ length: 3 }, () => somePointer(document, random));
  const { value } = await handle.state({ paths });
  expect(canonical(value)).toBe(canonical(partOf(document, paths)));
}

async function listRevisions({ calls, handle, random }: Readers): Promise<StateRevision[]> {
  const revisions: StateRevision[] = [];
  const what = { executionId: handle.id, pageSize: random.between(1, 7) };
  let pageToken = '';
  do {
    const page = await calls.listStateRevisions({ ...what, pageToken });
    revisions.push(...page.revisions);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return revisions;
}

/** The states that an execution must have had. A commit that changes nothing makes no revision. */
function statesOf({ initialState, stops }: Luggage): string[] {
  const all = [initialState, ...stops.flatMap(({ before, within }) => [before.state, within.state])];
  return all.map(canonical).filter((text, index, texts) => text !== texts[index - 1]);
}

function folding(document: StateDocument, text: string): StateDocument {
  const parsed = parsePatch(text);
  const applied = 'patch' in parsed ? applyPatch(document, parsed.patch) : parsed;
  if ('problem' in applied) throw new Error(`a revision does not fit: ${JSON.stringify(applied.problem)}`);
  return applied.document;
}

/** Where a document has something, or nearly. */
function somePointer(document: JsonObject, random: Random): string {
  let pointer = '';
  let value: JsonValue = document;
  do {
    const members: [string, JsonValue][] = Object.entries(value as JsonObject);
    const [name, inner] = members.length > 0 ? random.pick(members) : ['nothing', null];
    pointer += pointerSegment(random.chance(0.05) ? 'nothing' : name);
    value = inner;
  } while (typeof value === 'object' && value !== null && random.chance(0.6));
  return pointer;
}

/** The members of a document at some pointers, and what leads there. An array is whole or not there. */
function partOf(document: JsonObject, paths: readonly string[], above = ''): JsonObject {
  const kept = Object.entries(document).flatMap(([name, value]): [string, JsonValue][] => {
    const pointer = above + pointerSegment(name);
    if (paths.some((path) => path === pointer)) return [[name, value]];
    if (!paths.some((path) => path.startsWith(`${pointer}/`))) return [];
    if (isJsonObject(value)) return [[name, partOf(value, paths, pointer)]];
    return Array.isArray(value) ? [[name, value]] : [];
  });
  return Object.fromEntries(kept);
}

function copyOf(document: JsonObject) {
  return JSON.parse(JSON.stringify(document));
}
