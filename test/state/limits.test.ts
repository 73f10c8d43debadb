import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { defineWorkflow, type ExecutionHandle, PolosClient, Worker } from '@polos/sdk';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { JsonObject, JsonValue } from '../../server/src/core/json.js';
import { PAYLOAD_BYTES_MAX, STATE_BYTES_MAX } from '../../server/src/core/limits.js';
import type { CommandSchema } from '../../server/src/gen/polos/v1/command_pb.js';
import { LimitExceededSchema } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { nested } from './documents.js';

vi.setConfig({ testTimeout: 120_000 });

/** What a state is filled with, and what of it takes how many bytes of JSON text. */
const FILLINGS: Readonly<Record<string, readonly [piece: string, bytes: number]>> = {
  ascii: ['x', 1],
  'two bytes each': ['\u00e9', 2],
  'three bytes each': ['\u2028', 3],
  'four bytes each': ['\u{1F40B}', 4],
  'short escapes': ['"', 2],
  'long escapes': ['\u0001', 6],
};

/** A state of just so many bytes: an object of texts, with some numbers that can be written in several ways. */
function filled(bytes: number, [piece, pieceBytes]: readonly [string, number]): JsonObject {
  const state = { numbers: [1e21, -0, 0.1, 1e-7, 100], rest: '', text: '' };
  const left = bytes - Buffer.byteLength(JSON.stringify(state));
  const full = { ...state, rest: '-'.repeat(left % pieceBytes), text: piece.repeat(left / pieceBytes) };
  if (Buffer.byteLength(JSON.stringify(full)) !== bytes) throw new Error('this test miscounts');
  return full;
}

/** Where a handler comes to its last state. */
type Place = 'between steps' | 'in a step' | 'at the end' | 'by assignment in a step';
const PLACES: readonly Place[] = ['between steps', 'in a step', 'at the end', 'by assignment in a step'];

/** What handlers are to come to, by their sessions: too large for a payload beside it. */
const targets = new Map<string, JsonObject>();

/** Becomes what it is told to become, and would go on if that did not work. */
const becoming = defineWorkflow<{ place: Place }, Record<string, unknown>, string>(
  { id: 'becoming', maxRetries: 0 },
  async (ctx, { place }) => {
    const target = targets.get(ctx.sessionId) as JsonObject;
    ctx.state.valid = true;
    await ctx.step.run('first', () => 1);
    await ctx.step.run('kept', () => 1);
    const become = () => void Object.assign(ctx.state, { valid: undefined, ...target });
    try {
      if (place === 'between steps') become();
      await ctx.step.run('second', () => {
        if (place === 'in a step') become();
        if (place === 'by assignment in a step') ctx.state = { ...target };
      });
      if (place === 'at the end') become();
      else await ctx.step.run('third', () => 3);
    } catch {
      await ctx.step.run('caught', () => 4);
    }
    return 'done';
  },
  { autoRegister: false },
);

/** What became of its children, or why they were not started. */
const parent = defineWorkflow<null, Record<string, unknown>, string[]>(
  { id: 'parent', maxRetries: 0 },
  async (ctx) => {
    const request = { payload: null, initialState: targets.get(ctx.sessionId) as JsonObject };
    const inWords = ({ name, message }: Error) => `${name}: ${message.replace(/ of item 0/, '')}`;
    return [
      await ctx.step.invokeAndWait('child', child, request).catch(inWords),
      await ctx.step
        .batchInvokeAndWait('children', [{ workflow: child, ...request }])
        .then(([only]) => only.result as string, inWords),
    ];
  },
  { autoRegister: false },
);

const child = defineWorkflow<null, Record<string, unknown>, string>(
  { id: 'child' },
  (ctx) => `a state of ${Buffer.byteLength(JSON.stringify(ctx.state))} bytes`,
  { autoRegister: false },
);

/** Gives back its payload, run twice, so that the second assignment holds all there can be. */
const heavy = defineWorkflow<string, Record<string, unknown>, string>(
  { id: 'heavy', maxRetries: 1, baseDelay: 1 },
  async (ctx, payload) => {
    ctx.state.more = '';
    const text = await ctx.step.run('large', () => payload);
    const runs = (heavyRuns.get(ctx.executionId) ?? 0) + 1;
    heavyRuns.set(ctx.executionId, runs);
    if (runs === 1) throw new Error('once more, from the record');
    return text;
  },
  { autoRegister: false },
);
const heavyRuns = new Map<string, number>();

type WhenOver = (cleanUp: () => Promise<void>) => void;

let server: ServerProgram;
let client: PolosClient;

/** One server for all tests, and a worker in their own process. */
function useServer(storage: (whenOver: WhenOver) => Promise<{ readonly mongodbUrl?: string }>): void {
  beforeAll(async () => {
    const cleanups: (() => Promise<void>)[] = [];
    const options = await storage((cleanUp) => cleanups.push(cleanUp));
    server = await ServerProgram.start({ leaseMs: 30_000, ...options });
    client = new PolosClient({ apiUrl: server.url });
    const workflows = [becoming, parent, child, heavy];
    const worker = new Worker({ client, workflows, handleSignals: false });
    const running = worker.run();
    await worker.whenRunning();
    return async () => {
      await worker.shutdown();
      await running;
      client.close();
      await server.kill();
      for (const cleanUp of cleanups) await cleanUp();
    };
  });
}

function describeLimits(): void {
  describe.each(Object.entries(FILLINGS))('a state of %s', (_, filling) => {
    test('may be an initial state of 1,048,576 bytes, and no more', async () => {
      const fits = filled(STATE_BYTES_MAX, filling);
      expect(await (await client.invoke('nobody', null, { initialState: fits })).state()).toMatchObject(
        LARGEST,
      );
      expect((await invokeRaw(fits)).created).toBe(true);
      expect(await childrenOf(fits)).toBe(`a state of ${STATE_BYTES_MAX} bytes`);
      const exceeds = filled(STATE_BYTES_MAX + 1, filling);
      const sizes = { size: STATE_BYTES_MAX + 1, maxSize: STATE_BYTES_MAX };
      await expect(client.invoke('nobody', null, { initialState: exceeds })).rejects.toMatchObject(sizes);
      expect(await exceeded(invokeRaw(exceeds))).toMatchObject(EXCEEDED);
      expect(await childrenOf(exceeds)).toMatch(/StateSizeError.*1048577/);
    });

    test.each(PLACES)('may come to 1,048,576 bytes %s, and no more', async (place) => {
      const fits = await becomes(filled(STATE_BYTES_MAX, filling), place);
      expect(await fits.result()).toBe('done');
      expect(await fits.state()).toMatchObject({ sizeBytes: STATE_BYTES_MAX });
      const exceeds = await becomes(filled(STATE_BYTES_MAX + 1, filling), place);
      await expect(exceeds.result()).rejects.toMatchObject({ errorType: 'StateSizeError' });
      await expect(exceeds.result()).rejects.toThrow(String(STATE_BYTES_MAX + 1));
      await expectLastValid(exceeds);
    });

    test('may come to 1,048,576 bytes in any worker, however it writes them, and no more', async () => {
      for (const [over, how] of [0, 1].flatMap((each) => WAYS.map((way) => [each, way] as const))) {
        const { complete, executionId, calls } = await held();
        const target = filled(STATE_BYTES_MAX + over, filling);
        const completing = complete({
          case: 'stateChanged',
          value: { baseRevision: 1n, change: how(target) },
        });
        if (over === 0) await completing;
        else expect(await exceeded(completing)).toMatchObject(EXCEEDED);
        const { state } = await calls.getState({ executionId });
        expect(state?.sizeBytes).toBe(over === 0 ? BigInt(STATE_BYTES_MAX) : 2n);
      }
    });
  });

  test('white space and escapes that are not needed do not count for a state', async () => {
    const { calls } = connect();
    const text = `{${' '.repeat(1_000_000)}"a":"${'\\u00e9'.repeat(200_000)}"}`;
    const { executionId } = await calls.invoke({ workflowId: 'nobody', initialState: text });
    const { state } = await calls.getState({ executionId });
    expect(state?.sizeBytes).toBe(BigInt(400_000 + '{"a":""}'.length));
  });

  test('64 levels of state pass everywhere', async () => {
    const value = { deep: nested(63) };
    expect((await invokeRaw(value)).created).toBe(true);
    expect((await (await client.invoke('nobody', null, { initialState: value })).state()).value).toEqual(
      value,
    );
    for (const place of PLACES) {
      const execution = await becomes(value, place);
      expect(await execution.result()).toBe('done');
      expect((await execution.state()).value).toEqual(value);
    }
    for (const how of WAYS) {
      const { complete } = await held();
      await complete({ case: 'stateChanged', value: { baseRevision: 1n, change: how(value) } });
    }
  });

  test('65 levels of state pass nowhere, and the answer says where they are', async () => {
    const value = { deep: nested(64) };
    const tooDeep = { limit: 'state_depth', path: expect.stringContaining('/deep/') };
    expect(await exceeded(invokeRaw(value))).toMatchObject(tooDeep);
    const started = client.invoke('nobody', null, { initialState: value });
    await expect(started).rejects.toThrow('nested deeper than 64 levels');
    for (const place of PLACES) {
      const execution = await becomes(value, place);
      await expect(execution.result()).rejects.toMatchObject({ errorType: 'StateValidationError' });
      await expect(execution.result()).rejects.toThrow('/deep/');
      await expectLastValid(execution);
    }
    for (const how of WAYS) {
      const { complete } = await held();
      const completing = complete({ case: 'stateChanged', value: { baseRevision: 1n, change: how(value) } });
      expect(await exceeded(completing)).toMatchObject(tooDeep);
    }
  });

  test('payloads and results of 2,097,152 bytes pass beside a state of 1,048,576, also from the record', async () => {
    const payload = 'x'.repeat(PAYLOAD_BYTES_MAX - 2);
    const initialState = { text: 'y'.repeat(STATE_BYTES_MAX - '{"text":"","more":""}'.length) };
    const execution = await heavy.start(client, payload, { initialState });
    expect((await execution.result()) === payload).toBe(true);
    expect(heavyRuns.get(execution.id)).toBe(2);
    expect(await execution.state()).toMatchObject({ sizeBytes: STATE_BYTES_MAX, revision: 2 });
    await expect(client.invoke('nobody', `${payload}x`)).rejects.toMatchObject({
      size: PAYLOAD_BYTES_MAX + 1,
    });
  });
}

type Change = Extract<CommandInit, { case: 'stateChanged' }>['value']['change'];
type CommandInit = NonNullable<MessageInitShape<typeof CommandSchema>['command']>;

/** How a worker may tell what a state became. */
const WAYS: readonly ((target: JsonObject) => NonNullable<Change>)[] = [
  (target) => ({ case: 'document', value: JSON.stringify(target, undefined, 1) }),
  (target) => ({ case: 'patch', value: JSON.stringify([{ op: 'replace', path: '', value: target }]) }),
  (target) => ({
    case: 'patch',
    value: JSON.stringify(
      Object.entries(target).map(([key, value]) => ({ op: 'add', path: `/${key}`, value })),
    ),
  }),
  (target) => ({ case: 'patch', value: JSON.stringify([...detours(target)]) }),
];

/** Each member by way of something larger, so that only the last of the changes decides. */
function* detours(target: JsonObject): Generator<{ op: string; path: string; value?: JsonValue }> {
  for (const [key, value] of Object.entries(target)) {
    yield { op: 'add', path: `/${key}`, value: { list: [key, key, key] } };
    yield { op: 'remove', path: `/${key}/list/1` };
    yield { op: 'replace', path: `/${key}`, value };
  }
}

const LARGEST = { sizeBytes: STATE_BYTES_MAX };
const EXCEEDED = { limit: 'state_bytes', actual: BigInt(STATE_BYTES_MAX + 1) };

function connect() {
  const transport = createGrpcTransport({ baseUrl: server.url });
  return {
    calls: createClient(WorkflowService, transport) as Client<typeof WorkflowService>,
    work: createClient(WorkerService, transport),
  };
}

function invokeRaw(initialState: JsonObject) {
  return connect().calls.invoke({ workflowId: 'nobody', initialState: JSON.stringify(initialState) });
}

/** What became of children that were started with a state, one by itself and one of a batch. */
async function childrenOf(initialState: JsonObject): Promise<string> {
  const execution = await parent.start(client, null, { sessionId: remember(initialState) });
  const [one, ofBatch] = await execution.result();
  expect(ofBatch).toBe(one);
  return one as string;
}

/** An execution in the hands of a worker without an SDK. */
async function held() {
  const { calls, work } = connect();
  const workflowId = `held_${Math.random()}`;
  const { workerId } = await work.registerWorker({ workflows: [{ id: workflowId }] });
  const { executionId } = await calls.invoke({ workflowId });
  const { assignments } = await work.poll({ workerId, wait: { seconds: 10n } });
  const lease = assignments[0]?.lease;
  const complete = (command: CommandInit) =>
    work.completeStep({ ...(lease && { lease }), sequence: 1n, commands: [{ command }] });
  return { calls, executionId, complete };
}

function remember(target: JsonObject): string {
  const session = `target-${targets.size}`;
  targets.set(session, target);
  return session;
}

function becomes(target: JsonObject, place: Place): Promise<ExecutionHandle<string>> {
  return becoming.start(client, { place }, { sessionId: remember(target) });
}

/** It failed for good, with the last state that was valid, and its handler could not go on. */
async function expectLastValid(execution: ExecutionHandle): Promise<void> {
  expect((await execution.state()).value).toEqual({ valid: true });
  const { steps } = await connect().calls.listSteps({ executionId: execution.id });
  const keys = steps.map(({ key }) => key);
  expect(keys).not.toContain('caught');
  expect(keys).not.toContain('third');
  expect((await execution.get()).status).toBe('failed');
}

async function exceeded(call: Promise<unknown>) {
  const error = ConnectError.from(
    await call.then(
      () => new Error('it was accepted'),
      (refused: unknown) => refused,
    ),
  );
  expect(error.code).toBe(Code.ResourceExhausted);
  return error.findDetails(LimitExceededSchema)[0];
}

describe('on the embedded store', () => {
  useServer(async () => ({}));
  describeLimits();
});

withMongodb(() => {
  describe('on MongoDB', () => {
    useServer(async (whenOver) => ({ mongodbUrl: (await uniqueDatabase(whenOver)).url }));
    describeLimits();
  });
});
