import { createRegistry, fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import type { Rejection } from '../core/decision.js';
import { EngineError, type EngineProblem } from '../engine/errors.js';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';
import { file_polos_v1_error_details } from '../gen/polos/v1/error_details_pb.js';
import { StoreFault } from '../store/store.js';
import { toRpcError } from './error-table.js';
import { invalidFields } from './refusals.js';
import { Code, toStatusBytes } from './status.js';

type Expected = readonly [code: keyof typeof Code, ...details: (readonly [type: string, fields: object])[]];

const registry = createRegistry(file_google_rpc_error_details, file_polos_v1_error_details);

/** A rejection of each type; the compiler asks for a new one's line. */
const REJECTIONS: {
  readonly [Type in Rejection['type']]: readonly [Extract<Rejection, { type: Type }>, Expected];
} = {
  already_exists: [
    { type: 'already_exists' },
    ['alreadyExists', ['polos.v1.IdempotencyMismatch', { executionId: 'e1', idempotencyKey: '' }]],
  ],
  not_found: [
    { type: 'not_found' },
    ['notFound', ['google.rpc.ResourceInfo', { resourceType: 'execution', resourceName: 'e1' }]],
  ],
  not_ready: [{ type: 'not_ready' }, ['internal']],
  lease_lost: [
    { type: 'lease_lost', epoch: 3, currentEpoch: 5 },
    ['aborted', ['polos.v1.LeaseLost', { executionId: 'e1', epoch: 3n, currentEpoch: 5n }]],
  ],
  lease_forged: [{ type: 'lease_forged' }, ['permissionDenied']],
  sequence_gap: [
    { type: 'sequence_gap', expected: 2, got: 4 },
    ['failedPrecondition', ['polos.v1.ResultConflict', { executionId: 'e1', stepKey: '' }]],
  ],
  result_conflict: [
    { type: 'result_conflict', stepKey: 's', message: 'the step "s" has another result' },
    ['failedPrecondition', ['polos.v1.ResultConflict', { executionId: 'e1', stepKey: 's' }]],
  ],
  closed: [
    { type: 'closed', status: 'failed' },
    ['failedPrecondition', ['polos.v1.ExecutionClosed', { executionId: 'e1', status: 6 }]],
  ],
  worker_too_old: [{ type: 'worker_too_old', stateVersion: 2 }, ['internal']],
  running: [
    { type: 'running', workerId: 'w1' },
    ['failedPrecondition', ['polos.v1.ExecutionRunning', { executionId: 'e1', workerId: 'w1' }]],
  ],
  state_refused: [
    { type: 'state_refused', of: 'completion', problem: { kind: 'too_large', bytes: 1_048_577 } },
    [
      'resourceExhausted',
      ['polos.v1.LimitExceeded', { limit: 'state_bytes', maximum: 1_048_576n, actual: 1_048_577n }],
    ],
  ],
  state_revision_conflict: [
    { type: 'state_revision_conflict', base: 2, current: 3 },
    ['failedPrecondition', ['polos.v1.ResultConflict', { executionId: 'e1' }]],
  ],
  not_cancelled: [{ type: 'not_cancelled' }, ['failedPrecondition']],
  limit: [
    { type: 'limit', name: 'early_resumes', limit: 100, actual: 101 },
    [
      'resourceExhausted',
      ['polos.v1.LimitExceeded', { limit: 'early_resumes', maximum: 100n, actual: 101n, path: 'e1' }],
    ],
  ],
  malformed: [
    { type: 'malformed', message: 'nothing to wait for', action: 1 },
    [
      'invalidArgument',
      [
        'google.rpc.BadRequest',
        { fieldViolations: [{ field: 'commands[1]', description: 'nothing to wait for' }] },
      ],
    ],
  ],
};

/** The same for what the engine says besides rejections. */
const PROBLEMS: {
  readonly [Type in Exclude<EngineProblem['type'], 'rejected'>]: readonly [
    Extract<EngineProblem, { type: Type }>,
    Expected,
  ];
} = {
  not_found: [
    { type: 'not_found', resource: 'worker', id: 'w1' },
    ['notFound', ['google.rpc.ResourceInfo', { resourceType: 'worker', resourceName: 'w1' }]],
  ],
  invalid: [
    { type: 'invalid', field: 'schedule.cron', message: 'it has six fields' },
    [
      'invalidArgument',
      [
        'google.rpc.BadRequest',
        { fieldViolations: [{ field: 'schedule.cron', description: 'it has six fields' }] },
      ],
    ],
  ],
  limit: [
    { type: 'limit', name: 'schedules', limit: 3, actual: 4 },
    ['resourceExhausted', ['polos.v1.LimitExceeded', { limit: 'schedules', maximum: 3n, actual: 4n }]],
  ],
  cursor_unknown: [
    { type: 'cursor_unknown', cursor: 9, newest: 4 },
    ['invalidArgument', ['google.rpc.BadRequest', { fieldViolations: [{ field: 'cursor' }] }]],
  ],
  events_deleted: [
    { type: 'events_deleted', topic: 't', cursor: 4, oldest: 9 },
    ['failedPrecondition', ['polos.v1.EventsDeleted', { topic: 't', cursor: 4n, oldestSequence: 9n }]],
  ],
  idempotency_mismatch: [
    { type: 'idempotency_mismatch', key: 'k', executionId: 'e2' },
    ['alreadyExists', ['polos.v1.IdempotencyMismatch', { idempotencyKey: 'k', executionId: 'e2' }]],
  ],
  initial_state_refused: [
    { type: 'initial_state_refused', problem: { kind: 'too_deep', path: '/a' }, field: 'initial_state' },
    ['resourceExhausted', ['polos.v1.LimitExceeded', { limit: 'state_depth', maximum: 64n, path: '/a' }]],
  ],
  schema_violation: [
    {
      type: 'schema_violation',
      value: 'payload',
      field: 'payload.json',
      digest: 'd',
      issues: [{ path: '/n', keyword: 'type', message: 'must be number' }],
    },
    [
      'invalidArgument',
      [
        'google.rpc.BadRequest',
        { fieldViolations: [{ field: 'payload.json', description: 'must be number (at /n)' }] },
      ],
      [
        'polos.v1.SchemaViolation',
        { value: 'payload', digest: 'd', issues: [{ path: '/n', keyword: 'type' }] },
      ],
    ],
  ],
};

const rejections = Object.values(REJECTIONS).map(([rejection, expected]) => {
  return [{ type: 'rejected', executionId: 'e1', rejection } satisfies EngineProblem, expected] as const;
});

test.each([...rejections, ...Object.values(PROBLEMS)])('%j has its status', (problem, expected) => {
  check(new EngineError(problem), expected);
});

test.each([
  ['completion', 'commands.state_changed'],
  ['repair', 'patch'],
] as const)('a state of a %s that is no I-JSON names its field and place', (of, field) => {
  const problem = { kind: 'invalid', message: 'a number is too large', path: '/n' } as const;
  const fieldViolations = [{ field, description: 'a number is too large (at /n)' }];
  const rejection = { type: 'state_refused', problem, of } as const;
  check(new EngineError({ type: 'rejected', executionId: 'e1', rejection }), [
    'invalidArgument',
    ['google.rpc.BadRequest', { fieldViolations }],
  ]);
});

test('an outage of the store says when to try again, and nothing of the driver', () => {
  const fault = new StoreFault('reading e1: ECONNREFUSED 10.0.0.7', { retryable: true });
  const { message, logged } = check(fault, [
    'unavailable',
    ['google.rpc.RetryInfo', { retryDelay: { seconds: 1n } }],
  ]);
  expect(message).not.toContain('ECONNREFUSED');
  expect(logged).toMatchObject([{ err: fault }]);
});

test.each([
  new StoreFault('page 7 is damaged', { retryable: false }),
  new TypeError('x is undefined'),
  'a text',
])('what is no fault of the caller is INTERNAL with an incident that the log knows: %s', (thrown) => {
  const { message, logged } = check(thrown, ['internal']);
  const [{ incident }] = logged as [{ incident: string }];
  expect(message).toContain(incident);
  expect(message).not.toContain('damaged');
});

test('an error fits the headers of a client that takes 8 KiB, however much there is to say', () => {
  const issues = Array.from({ length: 50 }, (_, index) => ({
    path: `/${'ä'.repeat(300)}/${index}`,
    keyword: 'required',
    message: 'ü'.repeat(500),
  }));
  const { status } = told(
    new EngineError({
      type: 'schema_violation',
      value: 'payload',
      field: 'payload.json',
      digest: 'd',
      issues,
    }),
  );
  const bytes = toStatusBytes(status);
  const headers = (bytes.length * 4) / 3 + encodeURI(status.message).length;
  expect(headers).toBeLessThan(8_192);
  expect(fromBinary(StatusSchema, bytes).details).toHaveLength(2);
});

test('a message that holds half a surrogate pair can be sent', () => {
  const error = invalidFields([{ field: 'step_key', description: `\ud800${'x'.repeat(390)}\ud83d\ude00` }]);
  expect(() => encodeURI(error.message)).not.toThrow();
});

function check(thrown: unknown, [code, ...details]: Expected) {
  const { status, logged } = told(thrown);
  expect(status.code).toBe(Code[code]);
  const unpacked = fromBinary(StatusSchema, toStatusBytes(status)).details.map((any) =>
    anyUnpack(any, registry),
  );
  expect(unpacked.map((detail) => detail?.$typeName)).toEqual(details.map(([type]) => type));
  expect(unpacked).toMatchObject(details.map(([, fields]) => fields));
  return { message: status.message, logged };
}

function told(thrown: unknown) {
  const logged: object[] = [];
  const write = (fields: object) => void logged.push(fields);
  const status = toRpcError(thrown, { method: '/test', log: { info: write, warn: write, error: write } });
  return { status, logged };
}
