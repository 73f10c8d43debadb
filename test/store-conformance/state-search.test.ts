import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../server/src/core/json.js';
import { systemClock } from '../../server/src/engine/clock.js';
import { Engine } from '../../server/src/engine/engine.js';
import { ListExecutionsRequestSchema } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { listExecutions } from '../../server/src/rpc/execution-list.js';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { MemoryDatabase, openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import type { Store } from '../../server/src/store/store.js';
import { withMongodb } from '../mongodb/shared.js';
import { dataDirectory } from './data-directory.js';
import { MongoDatabases } from './mongo-databases.js';

// Whatever states executions have and whatever is asked, a list holds those that somebody would find who reads them all.

const PROJECT = 'p';
const RUNS = 60;

type Path = readonly string[];
const PATHS: readonly Path[] = [['a'], ['b', 'c'], ['d.e'], ['__proto__'], ['$f', 'g/h', ''], ['~"\\']];

type Value = null | boolean | number | string;
interface Condition {
  readonly path: Path;
  readonly comparison: '=' | '<' | '<=' | '>' | '>=';
  readonly value: Value;
}

/** Few, so that they meet; each next to what it may be taken for. */
const TEXTS = [
  '',
  'a',
  'a\0',
  'a\0b',
  'b',
  '0',
  'true',
  'null',
  '$where',
  '__proto__',
  '\u{1F600}',
  '\uFF5E',
  'é',
  '"\\',
];
const NUMBERS = [0, -0, 1, -1, 0.5, 1e-320, -1e300, 1.7976931348623157e308, 2 ** 53 - 1, 7];
const LONG = ['x'.repeat(256), `${'x'.repeat(256)}y`, `${'x'.repeat(255)}é`, 'x'.repeat(400)];

const text = fc.constantFrom(...TEXTS);
const number = fc.constantFrom(...NUMBERS);
const scalar: fc.Arbitrary<Value> = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const stored: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.constantFrom<unknown>([1], ['a'], {}, { x: 1 }, undefined) },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
);
const state: fc.Arbitrary<JsonObject> = fc.tuple(...PATHS.map(() => stored)).map((values) => {
  const made: Record<string, unknown> = {};
  for (const [index, path] of PATHS.entries()) put(made, path, values[index]);
  return made as JsonObject;
});
const path = fc.constantFrom(...PATHS);
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({
    path,
    comparison: fc.constant('=' as const),
    value: fc.oneof(scalar, fc.constantFrom('x'.repeat(256))),
  }),
  fc.record({
    path,
    comparison: fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
    value: fc.oneof(text, number, fc.constantFrom('x'.repeat(255), 'x'.repeat(256))),
  }),
);
const filter = fc.record({
  conditions: fc.array(condition, { minLength: 1, maxLength: 3 }),
  status: fc.constantFrom(undefined, undefined, 'queued', 'running', 'completed'),
  pageSize: fc.constantFrom(1, 3, 50),
});

function put(target: Record<string, unknown>, at: Path, value: unknown): void {
  const [name = '', ...rest] = at;
  if (value === undefined) return;
  const inner = rest.length === 0 ? value : {};
  if (rest.length > 0) put(inner as Record<string, unknown>, rest, value);
  Object.defineProperty(target, name, { value: inner, enumerable: true, configurable: true, writable: true });
}

/** What the state of an execution says, asked as anybody may ask. */
function holds(document: JsonObject, { path: at, comparison, value }: Condition): boolean {
  let there: unknown = document;
  for (const name of at) {
    if (typeof there !== 'object' || there === null || Array.isArray(there)) return false;
    there = Object.getOwnPropertyDescriptor(there, name)?.value;
  }
  if (comparison === '=') return there === value;
  if (typeof there === 'number' && typeof value === 'number') return ordered(there - value, comparison);
  if (typeof there !== 'string' || typeof value !== 'string') return false;
  return ordered(Buffer.compare(Buffer.from(there), Buffer.from(value)), comparison);
}

function ordered(difference: number, comparison: Condition['comparison']): boolean {
  if (difference === 0) return comparison.endsWith('=');
  return difference < 0 === comparison.startsWith('<');
}

function written({ path: at, comparison, value }: Condition): string {
  const quote = (name: string) => `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
  const field = at.map((name) => (/^[a-z]+$/.test(name) ? name : quote(name))).join('.');
  return `state.${field} ${comparison} ${typeof value === 'string' ? quote(value) : JSON.stringify(value)}`;
}

/** Engines beside each other, a worker at each; executions of which a half changed their state and a third ended. */
async function fill(stores: readonly Store[], states: readonly JsonObject[]): Promise<readonly Engine[]> {
  const fault = (error: unknown) => {
    throw error;
  };
  const clock = systemClock();
  const engines = stores.map((store) => new Engine({ store, clock, leaseMs: 60_000, fault }));
  for (const engine of engines) await engine.start();
  onTestFinished(async () => {
    for (const engine of engines) await engine.stop();
  });
  const [first, last] = [engines[0]!, engines.at(-1)!];
  const stateIndex = PATHS.map((names) =>
    names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
  );
  const { workerId } = await first.registerWorker({
    ...{
      projectId: PROJECT,
      queues: [],
      deploymentId: '',
      buildId: '',
      sdkName: '',
      sdkVersion: '',
      identity: '',
    },
    maxConcurrentExecutions: 1_000,
    workflows: [{ id: 'w', description: '', schemas: {}, stateIndex }],
  });
  await expect.poll(() => last.listExecutions({ ...ALL, conditions: [knownField()] })).toBeDefined();
  for (const [index, initial] of states.entries()) {
    const given = { projectId: PROJECT, workflowId: 'w', requestDigest: '', priority: 0, startDelayMs: 0 };
    const engine = engines[index % engines.length]!;
    const initialState = JSON.stringify(initial);
    const { executionId } = await engine.invoke({ ...given, searchAttributes: {}, initialState });
    if (index % 2 === 0) continue;
    const signal = new AbortController().signal;
    const [assignment] = await first.poll(PROJECT, workerId, { max: 1, waitMs: 10_000, signal });
    if (!assignment) throw new Error(`${executionId} was given to nobody`);
    const value = states[(index * 7 + 1) % states.length] as JsonObject;
    const document = { value, bytes: Buffer.byteLength(JSON.stringify(value)) };
    const change = { type: 'change_state' as const, baseRevision: 1, change: { document } };
    const actions = index % 3 === 0 ? [change, { type: 'complete_execution' as const }] : [change];
    const completion = { lease: assignment.lease, sequence: 1, digest: '', stateUnsettled: false, actions };
    await last.complete(PROJECT, completion);
  }
  return engines;
}

const ALL = { projectId: PROJECT, workflowId: 'w', limit: 1_000 };

function knownField() {
  return { field: { type: 'state' as const, path: ['a'] }, comparison: '=' as const, value: 0 };
}

async function listed(engine: Engine, text: string, pageSize: number): Promise<readonly string[]> {
  const ids: string[] = [];
  let pageToken = '';
  do {
    const request = create(ListExecutionsRequestSchema, { filter: text, pageSize, pageToken });
    const page = await listExecutions(engine, PROJECT, request);
    ids.push(...page.executions.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return ids;
}

async function compare(stores: readonly Store[]): Promise<void> {
  const states = fc.sample(state, { numRuns: 90, seed: 11 });
  const engines = await fill(stores, states);
  const all = await Promise.all(
    (await engines[0]!.listExecutions({ ...ALL, conditions: [] })).executions.map(async ({ execution }) => {
      const { id, status } = execution;
      return { id, status, state: JSON.parse((await engines[0]!.state(PROJECT, id)).json) as JsonObject };
    }),
  );
  expect(all).toHaveLength(states.length);
  let found = 0;
  await fc.assert(
    fc.asyncProperty(filter, async ({ conditions, status, pageSize }) => {
      const asked = conditions.map(written).concat(status ? [`status = ${status.toUpperCase()}`] : []);
      const expected = all.filter(
        (each) =>
          conditions.every((one) => holds(each.state, one)) && each.status === (status ?? each.status),
      );
      found += expected.length;
      for (const engine of engines) {
        const ids = await listed(engine, ['workflow_id = "w"', ...asked].join(' AND '), pageSize);
        expect(ids).toEqual(expected.map(({ id }) => id));
      }
    }),
    { numRuns: RUNS, seed: 5 },
  );
  expect(found).toBeGreaterThan(RUNS);
}

test('a list is what reading all states would find, in memory, on two servers', () => {
  const database = new MemoryDatabase();
  return compare([openMemoryStore(database), openMemoryStore(database)]);
}, 60_000);

test('a list is what reading all states would find, on the embedded store', async () => {
  const store = await openEmbeddedStore({ dataDir: await dataDirectory() });
  onTestFinished(() => store.close());
  await compare([store]);
}, 60_000);

withMongodb(() => {
  const databases = new MongoDatabases();

  test('a list is what reading all states would find, on MongoDB, on two servers', async () => {
    const stores = await databases.open(2);
    onTestFinished(async () => {
      for (const store of stores) await store.close();
    });
    await compare(stores);
  }, 120_000);
});
