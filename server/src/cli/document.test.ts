import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { ExecutionSchema, ExecutionStatus, StatusReason } from '../gen/polos/v1/execution_pb.js';
import { StateSchema } from '../gen/polos/v1/state_pb.js';
import { StepKind, StepRecordSchema, StepStatus } from '../gen/polos/v1/step_pb.js';
import { WorkerInfoSchema } from '../gen/polos/v1/worker_pb.js';
import { toDocument } from './document.js';

test('an execution is a document of plain values', () => {
  const execution = create(ExecutionSchema, {
    id: 'e1',
    status: ExecutionStatus.TIMED_OUT,
    statusReason: StatusReason.UNSPECIFIED,
    payload: { body: { case: 'json', value: '{"items":[1,"a"],"__proto__":{"x":1}}' } },
    initialState: '{"n":1}',
    createTime: timestampFromMs(Date.UTC(2026, 10, 22, 8, 0, 0, 250)),
    runTimeout: { seconds: 1n, nanos: 500_000_000 },
    retryPolicy: { maxRetries: 0 },
    searchAttributes: { colour: 'red' },
    stateRevision: 7n,
  });
  expect(JSON.parse(JSON.stringify(toDocument(ExecutionSchema, execution)))).toEqual({
    id: 'e1',
    status: 'timed_out',
    payload: JSON.parse('{"items":[1,"a"],"__proto__":{"x":1}}'),
    initialState: { n: 1 },
    createTime: '2026-11-22T08:00:00.250Z',
    failedAttempts: 0,
    lostLeases: 0,
    priority: 0,
    searchAttributes: { colour: 'red' },
    runTimeout: '1.5s',
    retryPolicy: { maxRetries: 0 },
    stateRevision: 7,
    stateSizeBytes: 0,
    stateVersion: 0,
    stepCount: 0,
    eventCount: 0,
    epoch: 0,
  });
});

test('"no value" is left out and null is null', () => {
  const step = { key: 'a', kind: StepKind.RUN, status: StepStatus.COMPLETED };
  const nothing = create(StepRecordSchema, step);
  const nil = create(StepRecordSchema, { ...step, result: { body: { case: 'json', value: 'null' } } });
  expect(toDocument(StepRecordSchema, nothing)).toEqual({
    key: 'a',
    kind: 'run',
    status: 'completed',
    sequence: 0,
    attempts: [],
    beforeCode: false,
    fromStateVersion: 0,
    toStateVersion: 0,
  });
  expect(toDocument(StepRecordSchema, nil)).toHaveProperty('result', null);
});

test('bytes are shown in base64 with their encoding', () => {
  const body = { case: 'data', value: new Uint8Array([1, 2, 255]) } as const;
  const step = create(StepRecordSchema, { result: { body, encoding: 'encrypted/x' } });
  expect(toDocument(StepRecordSchema, step).result).toEqual({ encoding: 'encrypted/x', base64: 'AQL/' });
});

test('a state document and a patch are values, not text', () => {
  const state = create(StateSchema, { json: '{"a":{"b":[]}}', revision: 2n, sizeBytes: 14n });
  expect(toDocument(StateSchema, state)).toEqual({
    state: { a: { b: [] } },
    revision: 2,
    sizeBytes: 14,
    final: false,
  });
  const step = create(StepRecordSchema, { statePatch: '[{"op":"remove","path":"/a"}]' });
  expect(toDocument(StepRecordSchema, step).statePatch).toEqual([{ op: 'remove', path: '/a' }]);
});

test('a list is there when it is empty', () => {
  expect(toDocument(WorkerInfoSchema, create(WorkerInfoSchema, {}))).toMatchObject({
    workflowIds: [],
    queues: [],
  });
});
