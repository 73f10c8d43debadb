import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { credentials, Client as GrpcClient } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { BadRequestSchema } from '../../server/src/gen/google/rpc/error_details_pb.js';
import type { CommandSchema } from '../../server/src/gen/polos/v1/command_pb.js';
import { LimitExceededSchema } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { StepKind } from '../../server/src/gen/polos/v1/step_pb.js';
import { type Lease, WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import {
  InvokeRequestSchema,
  PublishEventsRequestSchema,
  WorkflowService,
} from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { raw } from '../e2e/clients-stub.js';
import { ServerProgram } from '../fault/processes.js';

vi.setConfig({ testTimeout: 60_000 });

/** What no language reads as it was written: the text, and where in it the fault is; empty where it is no JSON at all. */
const UNFIT: Readonly<Record<string, readonly [text: string, path: string]>> = {
  'a repeated name': ['{"a":{"b":1,"b":1}}', '/a/b'],
  'a repeated name in escapes': ['{"__proto__":1,"\\u005f_proto__":2}', '/__proto__'],
  'a lone surrogate': ['{"a":["\\ud800"]}', '/a/0'],
  'a lone surrogate in a name': ['{"a":{"\\udc00":1}}', '/a'],
  '2^53': ['{"a/b":[0,9007199254740992]}', '/a~1b/1'],
  '-2^53': ['{"~":-9007199254740992}', '/~0'],
  'an integer of many digits': ['{"a":1000000000000000000000}', '/a'],
  'a number beyond a double': ['{"a":[1e309]}', '/a/0'],
  '65 levels': [`{"a":${'['.repeat(64)}${']'.repeat(64)}}`, `/a${'/0'.repeat(63)}`],
  NaN: ['{"a":NaN}', ''],
  Infinity: ['{"a":-Infinity}', ''],
  'a byte order mark': ['\ufeff{"a":1}', ''],
  'text behind it': ['{"a":1} x', ''],
  'a second value': ['{"a":1}{}', ''],
  'single quotes': ["{'a':1}", ''],
  'a comma too many': ['{"a":1,}', ''],
  'a control character': ['{"a":"\u0001"}', ''],
  'a comment': ['{"a":1/**/}', ''],
};

type CommandInit = NonNullable<MessageInitShape<typeof CommandSchema>['command']>;

let calls: Client<typeof WorkflowService>;
let work: Client<typeof WorkerService>;
let url: string;
let lease: Lease;
let executionId: string;

/** One server for all, and an execution that a worker holds. */
beforeAll(async () => {
  const server = await ServerProgram.start({ leaseMs: 600_000 });
  url = server.url;
  const transport = createGrpcTransport({ baseUrl: url });
  calls = createClient(WorkflowService, transport);
  work = createClient(WorkerService, transport);
  const { workerId } = await work.registerWorker({ workflows: [{ id: 'held' }] });
  ({ executionId } = await calls.invoke({ workflowId: 'held', initialState: '{"kept":true}' }));
  const { assignments } = await work.poll({ workerId, wait: { seconds: 10n } });
  lease = assignments[0]?.lease as Lease;
});

function json(value: string) {
  return { body: { case: 'json' as const, value } };
}

function complete(command: CommandInit): Promise<unknown> {
  return work.completeStep({ lease, sequence: 1n, commands: [{ command }] });
}

const child = { stepKey: 'k', workflowId: 'child' };

/** Wherever a JSON text enters; `prefix` is where in the text that is sent the unfit one is. */
const ENTRIES: Readonly<
  Record<string, readonly [send: (text: string) => Promise<unknown>, prefix?: string]>
> = {
  'the payload of Invoke': [(text) => calls.invoke({ workflowId: 'w', payload: json(text) })],
  'the initial state of Invoke': [(text) => calls.invoke({ workflowId: 'w', initialState: text })],
  'the payload of BatchInvoke': [(text) => batch({ workflowId: 'w', payload: json(text) })],
  'the initial state of BatchInvoke': [(text) => batch({ workflowId: 'w', initialState: text })],
  'the data of ResumeExecution': [
    (text) => calls.resumeExecution({ executionId, stepKey: 'k', data: json(text) }),
  ],
  'the data of PublishEvents': [
    (text) => calls.publishEvents({ topic: 't', events: [{ type: 'e', data: json(text) }] }),
  ],
  'the payload of CreateSchedule': [
    (text) => calls.createSchedule({ schedule: { workflowId: 'w', cron: '0 0 1 1 *', payload: json(text) } }),
  ],
  "a step's result": [
    (text) =>
      complete({ case: 'stepCompleted', value: { stepKey: 'k', kind: StepKind.RUN, result: json(text) } }),
  ],
  "a step's patch": [
    (text) => complete({ case: 'stepCompleted', value: { stepKey: 'k', statePatch: added(text) } }),
    '/0/value',
  ],
  'the details of a failure': [
    (text) =>
      complete({
        case: 'stepFailed',
        value: { stepKey: 'k', failure: { type: 'E', message: 'm', details: json(text) } },
      }),
  ],
  'a patch of the state': [
    (text) =>
      complete({
        case: 'stateChanged',
        value: { baseRevision: 1n, change: { case: 'patch', value: added(text) } },
      }),
    '/0/value',
  ],
  'a whole state': [
    (text) =>
      complete({
        case: 'stateChanged',
        value: { baseRevision: 1n, change: { case: 'document', value: text } },
      }),
  ],
  "a child's payload": [
    (text) => complete({ case: 'childStarted', value: { ...child, payload: json(text) } }),
  ],
  "a child's initial state": [
    (text) => complete({ case: 'childStarted', value: { ...child, initialState: text } }),
  ],
  "a batch's payload": [(text) => children({ workflowId: 'child', payload: json(text) })],
  "a batch's initial state": [(text) => children({ workflowId: 'child', initialState: text })],
  "a published event's data": [
    (text) => complete({ case: 'eventPublished', value: { stepKey: 'k', type: 't', data: json(text) } }),
  ],
  'the data of a suspended step': [
    (text) => complete({ case: 'resumeAwaited', value: { stepKey: 'k', data: json(text) } }),
  ],
  'the data of a resume by a step': [
    (text) =>
      complete({
        case: 'resumeSent',
        value: { stepKey: 'k', executionId, suspendedStepKey: 's', data: json(text) },
      }),
  ],
  'the result of an execution': [
    (text) => complete({ case: 'executionCompleted', value: { result: json(text) } }),
  ],
};

describe.each(Object.entries(ENTRIES))('%s', (_, [send, prefix = '']) => {
  test.each(Object.entries(UNFIT))('with %s is refused with its place', async (_name, [text, path]) => {
    const { place, code } = await refusal(send(text));
    expect([Code.InvalidArgument, Code.ResourceExhausted]).toContain(code);
    expect(place).toContain(path === '' ? 'not JSON' : prefix + path);
  });
});

test('none of it has left a trace', async () => {
  const { executions } = await calls.listExecutions({ pageSize: 500 });
  expect(executions.map(({ id }) => id)).toEqual([executionId]);
  expect((await calls.listSteps({ executionId })).steps).toEqual([]);
  const { state } = await calls.getState({ executionId });
  expect(state).toMatchObject({ json: '{"kept":true}', revision: 1n });
  expect((await calls.listSchedules({})).schedules).toEqual([]);
  // Whoever publishes next is the first.
  expect((await calls.publishEvents({ topic: 't', events: [{ type: 'e' }] })).sequences).toEqual([1n]);
  await complete({ case: 'executionCompleted', value: { result: json('1') } });
});

test('bytes that are no UTF-8 are refused, whatever text they are in', async () => {
  const grpc = new GrpcClient(url.slice('http://'.length), credentials.createInsecure());
  const broken = (bytes: Uint8Array) =>
    Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('@@@', '\xed\xa0\x80'), 'latin1');
  const invoke = create(InvokeRequestSchema, { workflowId: 'w', payload: json('{"a":"@@@"}') });
  const state = create(InvokeRequestSchema, { workflowId: 'w', initialState: '{"@@@":1}' });
  const publish = create(PublishEventsRequestSchema, {
    topic: 't',
    events: [{ type: 'e', data: json('"@@@"') }],
  });
  for (const request of [invoke, state]) {
    const bytes = broken(toBinary(InvokeRequestSchema, request));
    await expect(raw(grpc, '/polos.v1.WorkflowService/Invoke', bytes)).rejects.toMatchObject({ code: 3 });
  }
  const bytes = broken(toBinary(PublishEventsRequestSchema, publish));
  await expect(raw(grpc, '/polos.v1.WorkflowService/PublishEvents', bytes)).rejects.toMatchObject({
    code: 3,
  });
  grpc.close();
});

test.each([
  ['a lone surrogate in an escape of its own', String.raw`"{\"a\":\"\ud800\"}"`],
  ['a lone surrogate in the escape of an escape', String.raw`"{\"a\":\"\\ud800\"}"`],
  ['a repeated name', String.raw`"{\"a\":1,\"a\":1}"`],
])('over Connect JSON, %s is refused', async (_, text) => {
  for (const body of [
    `{"workflowId":"w","payload":{"json":${text}}}`,
    `{"workflowId":"w","initialState":${text}}`,
  ]) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/polos.v1.WorkflowService/Invoke`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'invalid_argument' }]);
  }
});

function added(text: string): string {
  return `[{"op":"add","path":"/x","value":${text}}]`;
}

/** BatchInvoke answers for each item on its own. */
async function batch(request: MessageInitShape<typeof InvokeRequestSchema>): Promise<void> {
  const { items } = await calls.batchInvoke({ requests: [request] });
  const outcome = items[0]?.outcome;
  if (outcome?.case !== 'error') return;
  throw new ConnectError(outcome.value.message, outcome.value.code);
}

function children(one: { workflowId: string; payload?: ReturnType<typeof json>; initialState?: string }) {
  return complete({ case: 'childrenStarted', value: { stepKey: 'k', children: [one] } });
}

/** The code of a refusal, and all that it says of the place. */
async function refusal(call: Promise<unknown>): Promise<{ code: Code; place: string }> {
  const error = ConnectError.from(
    await call.then(
      () => new Error('it was accepted'),
      (refused: unknown) => refused,
    ),
  );
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const limits = error.findDetails(LimitExceededSchema).map(({ path }) => path);
  const place = [error.message, ...fields.map(({ description }) => description), ...limits].join('\n');
  return { code: error.code, place };
}
