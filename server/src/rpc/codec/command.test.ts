import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { CommandSchema } from '../../gen/polos/v1/command_pb.js';
import { CompleteStepRequestSchema } from '../../gen/polos/v1/worker_service_pb.js';
import { Code, RpcError, toStatus } from '../status.js';
import { fromCompletion } from './command.js';

type CommandInit = NonNullable<MessageInitShape<typeof CommandSchema>['command']>;

const at = { seconds: 1_795_000_000n, nanos: 123_456_789 };
const failure = { type: 'TypeError', message: 'no', retryable: true };
const json = (value: string) => ({ body: { case: 'json', value } }) as const;

test.each<[CommandInit, object]>([
  [
    {
      case: 'stepCompleted',
      value: {
        stepKey: 's',
        result: json('[1]'),
        attempts: [{ number: 1, startTime: at, endTime: at, failure }],
        statePatch: '[{"op":"remove","path":"/a"}]',
      },
    },
    {
      type: 'record_step',
      key: 's',
      kind: 'run',
      outcome: { type: 'completed', result: { json: '[1]' } },
      attempts: [{ number: 1, startedAt: 1_795_000_000_123, endedAt: 1_795_000_000_123, failure }],
      statePatch: '[{"op":"remove","path":"/a"}]',
    },
  ],
  [
    { case: 'stepCompleted', value: { stepKey: 'u', kind: 4 } },
    { type: 'record_step', key: 'u', kind: 'uuid', outcome: { type: 'completed' }, attempts: [] },
  ],
  [
    { case: 'stepFailed', value: { stepKey: 's', failure } },
    { type: 'record_step', key: 's', kind: 'run', outcome: { type: 'failed', failure }, attempts: [] },
  ],
  [
    {
      case: 'childStarted',
      value: {
        stepKey: 'c',
        workflowId: 'w',
        payload: { body: { case: 'data', value: new Uint8Array([1]) }, encoding: 'e' },
        initialState: '{not checked here',
        wait: true,
        runTimeout: { seconds: 1n, nanos: 1 },
        retryPolicy: { maxRetries: 0 },
        priority: -3,
      },
    },
    {
      type: 'start_child',
      key: 'c',
      waits: true,
      child: {
        workflowId: 'w',
        payload: { data: new Uint8Array([1]), encoding: 'e' },
        initialState: '{not checked here',
        priority: -3,
        runTimeoutMs: 1_001,
        retryPolicy: { maxRetries: 0, baseDelayMs: 1_000, maxDelayMs: 10_000 },
      },
    },
  ],
  [
    { case: 'outcomeAccepted', value: { stepKey: 'c' } },
    { type: 'accept_outcome', key: 'c' },
  ],
  [
    {
      case: 'stateChanged',
      value: {
        baseRevision: 2n,
        change: { case: 'patch', value: '[{"op":"add","path":"/a","value":null}]' },
      },
    },
    { type: 'change_state', baseRevision: 2, change: { patch: [{ op: 'add', path: '/a', value: null }] } },
  ],
  [
    { case: 'stateChanged', value: { baseRevision: 2n, change: { case: 'document', value: '{"a":"ä"}' } } },
    { type: 'change_state', baseRevision: 2, change: { document: { value: { a: 'ä' }, bytes: 10 } } },
  ],
  [{ case: 'executionCompleted', value: {} }, { type: 'complete_execution' }],
  [
    { case: 'executionCompleted', value: { result: json('null') } },
    { type: 'complete_execution', result: { json: 'null' } },
  ],
  [
    { case: 'executionFailed', value: { failure } },
    { type: 'fail_execution', failure },
  ],
  [
    { case: 'executionSuspended', value: {} },
    { type: 'suspend_execution', isKept: false },
  ],
  [
    { case: 'executionSuspended', value: { kept: true } },
    { type: 'suspend_execution', isKept: true },
  ],
  [
    { case: 'eventPublished', value: { stepKey: 't', type: 'x', topic: 'y', data: json('1') } },
    { type: 'publish_event', key: 't', topic: 'y', event: { type: 'x', data: { json: '1' } } },
  ],
  [
    { case: 'eventPublished', value: { stepKey: 't', type: 'x' } },
    { type: 'publish_event', key: 't', event: { type: 'x' } },
  ],
  [
    { case: 'eventAwaited', value: { stepKey: 't', topic: 'y' } },
    { type: 'await_event', key: 't', topic: 'y' },
  ],
  [
    { case: 'eventAwaited', value: { stepKey: 't', topic: 'y', cursor: '0', timeout: { seconds: 2n } } },
    { type: 'await_event', key: 't', topic: 'y', afterEvent: 0, timeoutMs: 2_000 },
  ],
  [
    { case: 'resumeSent', value: { stepKey: 't', executionId: 'e', suspendedStepKey: 's', data: json('1') } },
    {
      ...{ type: 'send_resume', key: 't', executionId: 'e', suspendedStepKey: 's' },
      data: { json: '1' },
    },
  ],
  [
    {
      case: 'childrenStarted',
      value: { stepKey: 't', wait: true, children: [{ workflowId: 'a' }, { workflowId: 'b', queue: 'q' }] },
    },
    {
      ...{ type: 'start_children', key: 't', waits: true },
      children: [
        { workflowId: 'a', priority: 0 },
        { workflowId: 'b', queue: 'q', priority: 0 },
      ],
    },
  ],
  [{ case: 'executionCancelled', value: {} }, { type: 'cancel_execution' }],
])('%# a command is read', (command, expected) => {
  expect(read(command).actions).toEqual([expected]);
});

test('a payload with no body, or none at all, is no value', () => {
  const empty = read({ case: 'executionCompleted', value: { result: {} } });
  expect(empty.actions).toEqual([{ type: 'complete_execution' }]);
});

test.each<[CommandInit, keyof typeof Code, string]>([
  [
    { case: 'stepCompleted', value: { stepKey: 's', result: json('{"a":[1e999]}') } },
    'invalidArgument',
    'commands[0].step_completed.result.json: a number is larger than a double holds (at /a/0)',
  ],
  [
    { case: 'stepCompleted', value: { stepKey: 's', result: json('{"a":1,"a":2}') } },
    'invalidArgument',
    'commands[0].step_completed.result.json: an object has the same member name twice',
  ],
  [
    { case: 'stepCompleted', value: { stepKey: 's', result: { ...json('1'), encoding: 'gzip' } } },
    'invalidArgument',
    'commands[0].step_completed.result.encoding: an encoding belongs to `data`',
  ],
  [
    { case: 'stepCompleted', value: { stepKey: 's', statePatch: '[{"op":"move"}]' } },
    'invalidArgument',
    'commands[0].step_completed.state_patch: an operation needs a "path" (at /0)',
  ],
  [
    { case: 'stepCompleted', value: { stepKey: 's', attempts: [{ number: 1, endTime: at }] } },
    'invalidArgument',
    'commands[0].step_completed.attempts[0].start_time: value is required',
  ],
  [
    {
      case: 'stepFailed',
      value: { stepKey: 's', failure: { ...failure, cause: { ...failure, details: json('oops') } } },
    },
    'invalidArgument',
    'commands[0].step_failed.failure.cause.details.json: not JSON',
  ],
  [
    { case: 'executionCompleted', value: { result: json(`"${'x'.repeat(2_097_151)}"`) } },
    'resourceExhausted',
    'payload_bytes is limited to 2097152; this would be 2097153 at commands[0].execution_completed.result.json',
  ],
  [
    {
      case: 'executionCompleted',
      value: { result: { body: { case: 'data', value: new Uint8Array(2_097_153) } } },
    },
    'resourceExhausted',
    'payload_bytes is limited to 2097152',
  ],
  [
    { case: 'stateChanged', value: { baseRevision: 1n, change: { case: 'document', value: '[]' } } },
    'invalidArgument',
    'commands[0].state_changed.document: the state must be a JSON object',
  ],
  [
    {
      case: 'stateChanged',
      value: { baseRevision: 1n, change: { case: 'document', value: `{"a":"${'x'.repeat(1_048_576)}"}` } },
    },
    'resourceExhausted',
    'state_bytes is limited to 1048576; this would be 1048584',
  ],
  [
    {
      case: 'stateChanged',
      value: {
        baseRevision: 1n,
        change: { case: 'document', value: `{"a":${'['.repeat(64)}${']'.repeat(64)}}` },
      },
    },
    'resourceExhausted',
    'state_depth is limited to 64',
  ],
  [
    { case: 'timerAwaited', value: { stepKey: 't' } },
    'invalidArgument',
    'commands[0].timer_awaited: exactly one of fire_time and delay is required',
  ],
  [
    {
      case: 'childrenStarted',
      value: { stepKey: 't', children: [{ workflowId: 'a' }, { workflowId: 'b', payload: json('{') }] },
    },
    'invalidArgument',
    'commands[0].children_started.children[1].payload.json',
  ],
  [
    {
      case: 'resumeAwaited',
      value: { stepKey: 't', data: { body: { case: 'data', value: new Uint8Array(1) } } },
    },
    'invalidArgument',
    'commands[0].resume_awaited.data: must be JSON',
  ],
  [{ case: undefined }, 'invalidArgument', 'commands[0]: exactly one command is required'],
])('%# a command that cannot be carried out is refused with its place', (command, code, message) => {
  const error = refusal(() => read(command));
  expect(error.code).toBe(Code[code]);
  expect(error.message).toContain(message);
  expect(toStatus(error).code).toBe(Code[code]);
});

function read(command: CommandInit) {
  return fromCompletion(
    create(CompleteStepRequestSchema, {
      lease: { executionId: 'e', epoch: 1n, token: 't' },
      sequence: 1n,
      commands: [create(CommandSchema, { command })],
    }),
  );
}

function refusal(work: () => unknown): RpcError {
  try {
    work();
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
