import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkflowContext } from './context.js';
import { until } from './fake-worker.js';
import {
  answer,
  assign,
  casesOf,
  completionsOf,
  type FakeStream,
  FakeWorkerService,
  heartbeatsOf,
  releasedOn,
} from './fake-worker-service.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import { StepKind, StepStatus } from './gen/polos/v1/step_pb.js';
import type { CompleteStepRequest } from './gen/polos/v1/worker_service_pb.js';
import type { Logger } from './logger.js';
import { Worker } from './worker.js';
import { defineWorkflow } from './workflow.js';

const lines: string[] = [];
const note = (line: string) => void lines.push(line);
const logger: Logger = { debug: note, info: note, warn: note, error: note };

let service: FakeWorkerService;
let worker: Worker;
let stopped: Promise<void>;
/** Ends the step's function; set once it runs. */
let release: (() => void) | undefined;

/** A step whose function ends when the test says so. */
function hold(ctx: WorkflowContext): Promise<string> {
  return ctx.step.run('a', async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return 'done';
  });
}

const oneStep = defineWorkflow({ id: 'one-step' }, hold, { autoRegister: false });

/** How often the handler of `nap` was called. */
let naps = 0;

const nap = defineWorkflow(
  { id: 'nap' },
  async (ctx) => {
    naps += 1;
    await ctx.step.waitFor('w', { days: 1 });
    return 'rested';
  },
  { autoRegister: false },
);

/** Waits after three steps. */
const long = defineWorkflow(
  { id: 'long' },
  async (ctx) => {
    for (const key of ['s1', 's2', 's3']) await ctx.step.run(key, () => undefined);
    await ctx.step.waitFor('w', { days: 1 });
  },
  { autoRegister: false },
);

/** Waits while its step runs. */
const stepAndNap = defineWorkflow(
  { id: 'step-and-nap' },
  (ctx) => Promise.all([hold(ctx), ctx.step.waitFor('w', { days: 1 })]),
  { autoRegister: false },
);

beforeEach(async () => {
  lines.length = 0;
  naps = 0;
  release = undefined;
  service = new FakeWorkerService();
  await service.start();
  const { url: apiUrl } = service;
  worker = new Worker({
    apiUrl,
    workflows: [oneStep, nap, long, stepAndNap],
    maxConcurrentWorkflows: 3,
    handleSignals: false,
    shutdownTimeout: 1_000,
    logger,
  });
  stopped = worker.run();
});

afterEach(async () => {
  release?.();
  await worker.shutdown();
  await stopped;
  service.stop();
});

const lastStream = (): FakeStream => service.streams.at(-1)!;

/** What the record of `long` holds before it waits. */
const STEPS = [1n, 2n, 3n].map((sequence) => ({
  ...{ key: `s${sequence}`, kind: StepKind.RUN, status: StepStatus.COMPLETED, sequence },
}));

/** What the record of `nap` and `long` holds once its time has come. */
const FIRED = [{ key: 'w', kind: StepKind.WAIT_FOR, status: StepStatus.COMPLETED }];

/** Ends the step's function once it runs. */
async function endStep(): Promise<void> {
  await until(() => release !== undefined);
  release?.();
}

describe('a worker', () => {
  it('says hello, grants as many credits as it has room, and one more for each execution that ends', async () => {
    await worker.whenRunning();
    expect(worker.getState()).toBe('running');
    expect(worker.getWorkerId()).toBe('worker-1');
    const stream = lastStream();
    await until(() => casesOf(stream).includes('credits'));
    expect(stream.received[0]).toMatchObject({ case: 'hello', value: { workerId: 'worker-1' } });
    expect(stream.received[1]).toMatchObject({ case: 'credits', value: { count: 3 } });
    assign(stream, 'e1');
    await endStep();
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId);
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    expect(stream.received.at(-1)).toMatchObject({ case: 'credits', value: { count: 1 } });
  });

  it('sends a completion that was not answered again, unchanged, after the connection broke', async () => {
    await worker.whenRunning();
    const first = lastStream();
    assign(first, 'e1');
    await endStep();
    await until(() => completionsOf(first).length === 1);
    service.stop();
    await service.start();
    await until(() => service.streams.length === 2 && casesOf(lastStream()).includes('credits'));
    const second = lastStream();
    const resent = completionsOf(second)[0]!;
    expect(resent.request).toEqual(completionsOf(first)[0]!.request);
    expect(casesOf(second).slice(0, 4)).toEqual(['hello', 'extendLeases', 'complete', 'credits']);
    expect(second.received[3]).toMatchObject({ value: { count: 2 } });
    expect(service.registrations).toBe(1);
    answer(second, resent.callId);
  });

  it('goes on with a step while the connection is broken', async () => {
    await worker.whenRunning();
    assign(lastStream(), 'e1');
    await until(() => release !== undefined);
    service.stop();
    release?.();
    await service.start();
    await until(() => service.streams.length === 2 && completionsOf(lastStream()).length === 1);
    const { callId, request } = completionsOf(lastStream())[0]!;
    const { commands } = request as CompleteStepRequest;
    expect(commands.map(({ command }) => command.case)).toEqual(['stepCompleted', 'executionCompleted']);
    answer(lastStream(), callId);
  });

  it('registers again when the server has forgotten it', async () => {
    await worker.whenRunning();
    lastStream().fail(status.NOT_FOUND);
    await until(() => service.streams.length === 2 && casesOf(lastStream()).includes('credits'));
    expect(service.registrations).toBe(2);
    expect(lastStream().received[0]).toMatchObject({ value: { workerId: 'worker-2' } });
  });

  it('has room for others while an execution waits, and goes on with it without a replay', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1', { workflowId: 'nap' });
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId, ExecutionStatus.WAITING);
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    assign(stream, 'e1', { epoch: 2n, workflowId: 'nap', steps: FIRED });
    await until(() => completionsOf(stream).length === 2);
    const { callId, request } = completionsOf(stream)[1]!;
    expect(request).toMatchObject({ lease: { epoch: 2n }, sequence: 1n });
    const commands = request!.commands.map(({ command }) => command.case);
    expect(commands).toEqual(['outcomeAccepted', 'executionCompleted']);
    expect(naps).toBe(1);
    answer(stream, callId);
  });

  it('fetches all steps of an execution whose code it no longer keeps, page by page', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    service.steps.set('e1', [STEPS.slice(0, 2), STEPS.slice(2), FIRED]);
    assign(stream, 'e1', { epoch: 2n, workflowId: 'long', omittedSteps: 3n, steps: FIRED });
    await until(() => completionsOf(stream).length === 1);
    expect(service.listed).toEqual(['e1', 'e1', 'e1']);
    const { callId, request } = completionsOf(stream)[0]!;
    const commands = request!.commands.map(({ command }) => command.case);
    expect(commands).toEqual(['outcomeAccepted', 'executionCompleted']);
    answer(stream, callId);
  });

  it('asks for no step of an execution whose code it keeps', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    const pending = [{ key: 'w', kind: StepKind.WAIT_FOR, status: StepStatus.PENDING }];
    assign(stream, 'e1', { workflowId: 'long', steps: [...STEPS, ...pending] });
    await until(() => completionsOf(stream).length === 1);
    const [suspension] = completionsOf(stream)[0]!.request!.commands;
    expect(suspension!.command).toMatchObject({ case: 'executionSuspended', value: { kept: true } });
    answer(stream, completionsOf(stream)[0]!.callId, ExecutionStatus.WAITING);
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    assign(stream, 'e1', { epoch: 2n, workflowId: 'long', omittedSteps: 3n, steps: FIRED });
    await until(() => completionsOf(stream).length === 2);
    expect(service.listed).toEqual([]);
    answer(stream, completionsOf(stream)[1]!.callId);
  });

  it('runs only the newer of two assignments while it fetches the steps of the older one', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    service.steps.set('e1', [[...STEPS, ...FIRED]]);
    let release = () => {};
    service.beforeSteps = () => new Promise((resolve) => (release = resolve));
    assign(stream, 'e1', { epoch: 2n, workflowId: 'long', omittedSteps: 3n });
    await until(() => service.listed.length === 1);
    service.beforeSteps = async () => {};
    assign(stream, 'e1', { epoch: 3n, workflowId: 'long', steps: [...STEPS, ...FIRED] });
    await until(() => completionsOf(stream).length === 1);
    release();
    // The place that the older one took is free again.
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    expect(completionsOf(stream)).toMatchObject([{ request: { lease: { epoch: 3n } } }]);
    answer(stream, completionsOf(stream)[0]!.callId);
  });

  it('does not say that it keeps what it suspends while it shuts down', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1', { workflowId: 'step-and-nap' });
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId, ExecutionStatus.RUNNING);
    await until(() => release !== undefined);
    const shutdown = worker.shutdown();
    release?.();
    await until(() => completionsOf(stream).length === 2);
    const { callId, request } = completionsOf(stream)[1]!;
    const last = request!.commands.at(-1)!.command;
    expect(last).toMatchObject({ case: 'executionSuspended', value: { kept: false } });
    answer(stream, callId, ExecutionStatus.WAITING);
    await shutdown;
  });

  it('is told of a time that came while it holds the execution', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1', { workflowId: 'nap' });
    await until(() => completionsOf(stream).length === 1);
    // The server has the outcome by then, so that the lease stays.
    answer(stream, completionsOf(stream)[0]!.callId, ExecutionStatus.RUNNING);
    stream.send({ case: 'notice', value: { executionId: 'e1', epoch: 1n, outcomes: FIRED } });
    await until(() => completionsOf(stream).length === 2);
    const { callId, request } = completionsOf(stream)[1]!;
    expect(request!.commands.map(({ command }) => command.case)).toContain('outcomeAccepted');
    answer(stream, callId);
  });

  it('extends its leases three times within their duration', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1');
    await until(() => casesOf(stream).filter((name) => name === 'extendLeases').length === 2);
    const message = stream.received.find(({ case: name }) => name === 'extendLeases');
    expect(message).toMatchObject({
      value: { workerId: 'worker-1', leases: [{ executionId: 'e1', epoch: 1n }] },
    });
  });

  it('drops an execution whose lease is lost, and makes room for another', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1');
    await until(() => release !== undefined);
    stream.send({ case: 'notice', value: { executionId: 'e1', epoch: 1n, leaseLost: true } });
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    release?.();
    expect(completionsOf(stream)).toEqual([]);
  });

  it('says that it has let go of a lost lease once the function that ran has ended, and again on the next stream', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1');
    await until(() => release !== undefined);
    service.answersHeartbeats = false;
    stream.send({ case: 'notice', value: { executionId: 'e1', epoch: 1n, leaseLost: true } });
    await until(() => casesOf(stream).filter((name) => name === 'credits').length === 2);
    expect(releasedOn(stream)).toEqual([]);
    release?.();
    await until(() => releasedOn(stream).length > 0);
    expect(releasedOn(stream)[0]).toMatchObject({ executionId: 'e1', epoch: 1n, token: 't' });
    service.answersHeartbeats = true;
    stream.fail(status.UNAVAILABLE);
    await until(() => service.streams.length === 2 && releasedOn(lastStream()).length > 0);
    assign(lastStream(), 'e2');
    await until(() => heartbeatsOf(lastStream()).some(({ leases, released }) => leases[0] && !released[0]));
    release?.();
  });

  it('lets go of an execution whose completion is answered as paused', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1', { workflowId: 'step-and-nap' });
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId, ExecutionStatus.PAUSED);
    await until(() => releasedOn(stream).length === 1);
  });

  it('ignores notices of an epoch that is over', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1', { epoch: 2n });
    await until(() => release !== undefined);
    stream.send({ case: 'notice', value: { executionId: 'e1', epoch: 1n, leaseLost: true } });
    release?.();
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId);
  });

  it('finishes what it holds when the server drains, and connects again', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1');
    await until(() => release !== undefined);
    stream.send({ case: 'drain', value: {} });
    release?.();
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId);
    await until(() => service.streams.length === 2 && casesOf(lastStream()).includes('credits'));
    expect(lines.filter((line) => line.includes('waiting for the server'))).toEqual([]);
  });

  it('drains, finishes what it holds and stops when it is shut down', async () => {
    await worker.whenRunning();
    const stream = lastStream();
    assign(stream, 'e1');
    await until(() => release !== undefined);
    const shutdown = worker.shutdown();
    expect(worker.getState()).toBe('stopping');
    await until(() => casesOf(stream).includes('drain'));
    release?.();
    await until(() => completionsOf(stream).length === 1);
    answer(stream, completionsOf(stream)[0]!.callId);
    await shutdown;
    await stopped;
    expect(worker.getState()).toBe('stopped');
  });
});

describe('a worker without a server', () => {
  it('says so once, waits, and connects when the server comes', async () => {
    await worker.whenRunning();
    service.stop();
    await until(() => lines.some((line) => line.includes('waiting for the server')));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(lines.filter((line) => line.includes('waiting for the server'))).toHaveLength(1);
    await service.start();
    await until(() => service.streams.length === 2 && casesOf(lastStream()).includes('credits'));
  });
});
