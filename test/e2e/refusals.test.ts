import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import {
  defineWorkflow,
  IdempotencyMismatchError,
  PolosClient,
  PolosError,
  SerializationError,
  StateValidationError,
  Worker,
} from '@polos/sdk';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { LeaseLostSchema, ResultConflictSchema } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { ExecutionStatus } from '../../server/src/gen/polos/v1/execution_pb.js';
import { WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { ServerProgram } from '../fault/processes.js';

const stateSchema = z.object({ text: z.string().default(''), steps: z.number().default(0) });

const counting = defineWorkflow({ id: 'counting', stateSchema }, (ctx) => ctx.state.steps);

/** Puts something that JSON cannot hold in its state, or in a step's result. */
const unfit = defineWorkflow<
  { what: keyof typeof UNFIT; where: 'state' | 'step' },
  { bad?: unknown },
  string
>({ id: 'unfit', maxRetries: 0 }, async (ctx, { what, where }) => {
  await ctx.step.run('before', () => 1);
  if (where === 'state') ctx.state.bad = { deep: [UNFIT[what]] };
  await ctx.step.run('bad', () => (where === 'step' ? { deep: [UNFIT[what]] } : 2));
  return 'done';
});

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const UNFIT = { NaN: Number.NaN, BigInt: 1n, Date: new Date(0), cycle, Map: new Map(), undefined };
const UNFIT_NAMES = Object.keys(UNFIT) as (keyof typeof UNFIT)[];

let server: ServerProgram;
let client: PolosClient;

// In the tests' own process, so that what they cannot have is made right here.
beforeAll(async () => {
  server = await ServerProgram.start({ leaseMs: 1_000 });
  client = new PolosClient({ apiUrl: server.url });
  const worker = new Worker({ client, workflows: [counting, unfit], handleSignals: false });
  const running = worker.run();
  await worker.whenRunning();
  return async () => {
    await worker.shutdown();
    await running;
    client.close();
  };
});

test('an initial state that breaks the schema is refused with its place, and nothing is created', async () => {
  const before = await countExecutions();
  const refused = counting.invoke(client, undefined, { initialState: { steps: 'many' } as never });
  const error = await refused.then(undefined, (error: unknown) => error);
  expect(error).toBeInstanceOf(StateValidationError);
  expect(String(error)).toContain('steps');
  expect(await countExecutions()).toBe(before);
});

test.each(UNFIT_NAMES)('%s in the state fails the execution with its path', async (what) => {
  const execution = await unfit.start(client, { what, where: 'state' });
  await expect(execution.result()).rejects.toThrow('/bad/deep/0');
  expect((await execution.state()).value).toEqual({});
});

test.each(UNFIT_NAMES)('%s in a step’s result fails the step with its path', async (what) => {
  const execution = await unfit.start(client, { what, where: 'step' });
  await expect(execution.result()).rejects.toThrow('/deep/0');
});

test.each(UNFIT_NAMES)('%s in a payload is refused before anything is sent', async (what) => {
  const before = await countExecutions();
  const refused = client.invoke('unfit', { deep: [UNFIT[what]] });
  await expect(refused).rejects.toBeInstanceOf(SerializationError);
  await expect(refused).rejects.toThrow('/deep/0');
  expect(await countExecutions()).toBe(before);
});

test('one idempotency key is one execution, and another request under it is refused', async () => {
  const options = { idempotencyKey: 'refusals-1' };
  const [first, second] = await Promise.all([
    client.invoke('nobody_serves_this', { n: 1 }, options),
    client.invoke('nobody_serves_this', { n: 1 }, options),
  ]);
  expect(second.executionId).toBe(first.executionId);
  const other = client.invoke('nobody_serves_this', { n: 2 }, options);
  await expect(other).rejects.toBeInstanceOf(IdempotencyMismatchError);
  await expect(other).rejects.toBeInstanceOf(PolosError);
});

test('a workflow that no worker ever registered is queued, and its status says why', async () => {
  const execution = await client.invoke('nobody_serves_this', {});
  expect(await execution.get()).toMatchObject({ status: 'queued', statusReason: 'no_worker' });
});

test('a payload that is no I-JSON, and a message of 5 MB, are refused by the server itself', async () => {
  const { workflows } = raw();
  const invoke = (json: string) =>
    workflows.invoke({ workflowId: 'raw', payload: { body: { case: 'json', value: json } } });
  for (const json of ['{', '{"a":1,"a":2}', '12345678901234567890', '"\\ud800"', '1e999']) {
    expect(await codeOf(invoke(json)), json).toBe(Code.InvalidArgument);
  }
  expect(await codeOf(invoke(JSON.stringify('x'.repeat(5_000_000))))).toBe(Code.ResourceExhausted);
  expect(await codeOf(invoke(JSON.stringify('x'.repeat(2_097_152))))).toBe(Code.ResourceExhausted);
});

test('a completion is carried out once, and only under the lease that it names', async () => {
  const { workflows, workers } = raw();
  const { executionId } = await workflows.invoke({ workflowId: 'leases' });
  const { workerId } = await workers.registerWorker({ workflows: [{ id: 'leases' }] });
  const poll = async () => (await workers.poll({ workerId, wait: { seconds: 10n } })).assignments[0]?.lease;
  const lease = await poll();
  const step = (json: string) => ({
    command: { case: 'stepCompleted' as const, value: { stepKey: 'a', result: result(json) } },
  });
  const complete = (sequence: bigint, commands: ReturnType<typeof step>[], under = lease) =>
    workers.completeStep({ ...(under && { lease: under }), sequence, commands });

  const first = await complete(1n, [step('1')]);
  expect(await complete(1n, [step('1')])).toEqual(first);
  const changed = await errorOf(complete(1n, [step('2')]));
  expect(changed.code).toBe(Code.FailedPrecondition);
  expect(changed.findDetails(ResultConflictSchema)).toHaveLength(1);
  expect((await errorOf(complete(2n, [step('2')]))).code).toBe(Code.FailedPrecondition);
  expect(await codeOf(workers.completeStep({ sequence: 2n, commands: [step('1')] }))).toBe(
    Code.InvalidArgument,
  );
  const forged = lease && { ...lease, token: 'forged' };
  expect(await codeOf(complete(2n, [step('1')], forged))).toBe(Code.PermissionDenied);

  // The lease runs out, and the next one is another's.
  const renewed = await poll();
  expect(renewed?.epoch).toBe(2n);
  const late = await errorOf(complete(2n, [step('1')]));
  expect(late.code).toBe(Code.Aborted);
  expect(late.findDetails(LeaseLostSchema)).toMatchObject([{ epoch: 1n, currentEpoch: 2n }]);
  const { steps } = await workflows.listSteps({ executionId });
  expect(steps.map(({ key, sequence }) => ({ key, sequence }))).toEqual([{ key: 'a', sequence: 1n }]);
  const end = { command: { case: 'executionCompleted' as const, value: {} } };
  const closed = await workers.completeStep({
    ...(renewed && { lease: renewed }),
    sequence: 1n,
    commands: [end],
  });
  expect(closed.status).toBe(ExecutionStatus.COMPLETED);
});

function raw() {
  const transport = createGrpcTransport({ baseUrl: server.url });
  return {
    workflows: createClient(WorkflowService, transport),
    workers: createClient(WorkerService, transport),
  };
}

function result(json: string) {
  return { body: { case: 'json' as const, value: json } };
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error('it was accepted'),
      (error: unknown) => error,
    ),
  );
}

async function codeOf(call: Promise<unknown>): Promise<Code> {
  return (await errorOf(call)).code;
}

async function countExecutions(): Promise<number> {
  return (await raw().workflows.listExecutions({ pageSize: 500 })).executions.length;
}
