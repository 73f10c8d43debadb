import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  HookExecutionError,
  SerializationError,
  StateConflictError,
  StateSizeError,
  StateValidationError,
  StepExecutionError,
} from './errors.js';
import { toAttemptFailure, toError, toFailure, toStepError } from './failure.js';
import { type Failure, FailureSchema } from './gen/polos/v1/failure_pb.js';
import { StepKind } from './gen/polos/v1/step_pb.js';

class PaymentError extends Error {}

const sent = (error: unknown): Failure =>
  fromBinary(FailureSchema, toBinary(FailureSchema, toFailure(error)));

describe('a failure', () => {
  it('brings type, message, stack and causes to the other side', () => {
    const cause = new TypeError('inner');
    const error = new PaymentError('outer', { cause });
    const remote = toError(sent(error));
    expect(remote).toMatchObject({ name: 'PaymentError', type: 'PaymentError', message: 'outer' });
    expect(remote.stack).toBe(error.stack);
    expect(remote.cause).toMatchObject({ name: 'TypeError', message: 'inner' });
  });

  it.each([
    ['a text', 'oops', 'thrown: oops'],
    ['undefined', undefined, 'thrown: undefined'],
    ['an object without a text', Object.create(null), 'thrown: a value that has no text'],
  ])('describes %s that was thrown', (_, thrown, message) => {
    expect(sent(thrown)).toMatchObject({ type: 'Error', message, retryable: true });
  });

  it('cuts long texts at a character and says so', () => {
    const { message } = sent(new Error(`a${'ü'.repeat(50_000)}`));
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(65_536);
    expect(message.endsWith('ü... (cut)')).toBe(true);
    const attempt = toAttemptFailure(new Error('x'.repeat(5_000)));
    expect(attempt.message).toHaveLength(1_000);
    expect(attempt.stack).toBe('');
  });

  it('stops at 16 causes', () => {
    let error = new Error('0');
    for (let level = 1; level < 40; level++) error = new Error(String(level), { cause: error });
    let levels = 0;
    for (let failure: Failure | undefined = sent(error); failure; failure = failure.cause) levels += 1;
    expect(levels).toBe(16);
  });

  it('survives an error that is its own cause', () => {
    const error: Error = new Error('loop');
    error.cause = error;
    expect(sent(error).cause).toBeUndefined();
  });

  it.each(['a\udc00', 'x'.repeat(2_000_000)])(
    'can be sent where a place has a name that cannot: %.9s',
    (name) => {
      const place = { path: `/${name}`, message: 'is no text' };
      for (const error of [
        new SerializationError('no', place.path),
        new StateValidationError('no', Array(20).fill(place)),
      ]) {
        expect(toError(sent(error))).toMatchObject({ type: error.name, details: expect.anything() });
      }
    },
  );

  it('makes lone surrogates well-formed', () => {
    expect(sent(new Error('a\ud800b')).message).toBe('a�b');
  });

  it('keeps the data of the errors of this SDK, and that retrying does not help', () => {
    const issues = [{ path: '/n', message: 'no' }];
    const validation = sent(new StateValidationError('state', issues));
    expect(validation.retryable).toBe(false);
    expect(toError(validation).details).toEqual({ issues });
    expect(toError(sent(new StateSizeError(5, 4))).details).toEqual({ size: 5, maxSize: 4 });
    const hook = sent(new HookExecutionError('no', 'audit', 'onEnd', new TypeError('inner')));
    expect(hook).toMatchObject({ type: 'HookExecutionError', message: 'no', retryable: false });
    expect(toError(hook)).toMatchObject({
      details: { hookName: 'audit', phase: 'onEnd' },
      cause: { type: 'TypeError' },
    });
  });
});

describe('a step error', () => {
  it('names the step, the attempts and what was thrown', () => {
    const error = toStepError({ key: 'charge', kind: StepKind.RUN }, 3, sent(new PaymentError('declined')));
    expect(error).toBeInstanceOf(StepExecutionError);
    expect(error.message).toBe('step "charge" failed after 3 attempts: declined');
    expect(error).toMatchObject({ stepKey: 'charge', attempts: 3, cause: { type: 'PaymentError' } });
  });

  it('is a StateConflictError again after a journey through the record', () => {
    const failure = toFailure(new Error('x'));
    failure.type = 'StateConflictError';
    const conflict = toStepError({ key: 's', kind: StepKind.RUN }, 1, failure);
    expect(conflict).toBeInstanceOf(StateConflictError);
    expect(conflict).toBeInstanceOf(StepExecutionError);
  });
});
