import { create } from '@bufbuild/protobuf';
import type { StepAttempt, StepKind, StepRecord } from '../../core/step.js';
import {
  StepAttemptSchema,
  StepRecordSchema,
  StepStatus,
  type StepAttempt as WireAttempt,
  StepKind as WireKind,
  type StepRecord as WireStep,
} from '../../gen/polos/v1/step_pb.js';
import { invalidField } from '../refusals.js';
import { fromFailure, toFailure } from './failure.js';
import { toPayload } from './payload.js';
import { fromTimestamp, toTimestamp } from './time.js';

const KINDS: Readonly<Record<StepKind, WireKind>> = {
  run: WireKind.RUN,
  invoke: WireKind.INVOKE,
  invoke_and_wait: WireKind.INVOKE_AND_WAIT,
  uuid: WireKind.UUID,
  now: WireKind.NOW,
  random: WireKind.RANDOM,
  wait_for: WireKind.WAIT_FOR,
  wait_for_event: WireKind.WAIT_FOR_EVENT,
  suspend: WireKind.SUSPEND,
  resume: WireKind.RESUME,
  batch_invoke: WireKind.BATCH_INVOKE,
  batch_invoke_and_wait: WireKind.BATCH_INVOKE_AND_WAIT,
  publish_event: WireKind.PUBLISH_EVENT,
  state_repair: WireKind.STATE_REPAIR,
  state_migration: WireKind.STATE_MIGRATION,
};

/** The kinds that a worker may record; command.proto's rules let no other one through. */
const RECORDED_KINDS = new Map<WireKind, StepKind>([
  [WireKind.UNSPECIFIED, 'run'],
  [WireKind.RUN, 'run'],
  [WireKind.UUID, 'uuid'],
  [WireKind.NOW, 'now'],
  [WireKind.RANDOM, 'random'],
]);

/** Reads the kind of a step that a worker records. */
export function fromRecordedKind(kind: WireKind, field: string): StepKind {
  const known = RECORDED_KINDS.get(kind);
  if (!known) throw invalidField(field, `a worker cannot record a step of kind ${kind}`);
  return known;
}

/** Reads the attempts of a step. */
export function fromAttempts(attempts: readonly WireAttempt[], field: string): StepAttempt[] {
  return attempts.map((attempt, index) => fromAttempt(attempt, `${field}[${index}]`));
}

/** Steps as they go over the wire. */
export function toSteps(steps: readonly StepRecord[]): WireStep[] {
  return steps.map(toStep);
}

function toStep(step: StepRecord): WireStep {
  const { outcome } = step;
  return create(StepRecordSchema, {
    key: step.key,
    kind: KINDS[step.kind],
    status: toStatus(step),
    sequence: BigInt(step.sequence),
    result: outcome?.type === 'completed' ? toPayload(outcome.result) : undefined,
    failure: outcome?.type === 'failed' ? toFailure(outcome.failure) : undefined,
    attempts: step.attempts.map(toAttempt),
    childExecutionId: step.childExecutionId ?? '',
    statePatch: step.statePatch ?? '',
    recordTime: toTimestamp(step.recordedAt),
    beforeCode: step.isBeforeCode ?? false,
    fromStateVersion: step.fromVersion ?? 0,
    toStateVersion: step.toVersion ?? 0,
  });
}

function toStatus({ outcome }: StepRecord): StepStatus {
  if (!outcome) return StepStatus.PENDING;
  return outcome.type === 'completed' ? StepStatus.COMPLETED : StepStatus.FAILED;
}

function fromAttempt(attempt: WireAttempt, field: string): StepAttempt {
  const { number, startTime, endTime, failure } = attempt;
  if (!startTime) throw invalidField(`${field}.start_time`, 'value is required');
  if (!endTime) throw invalidField(`${field}.end_time`, 'value is required');
  return {
    number,
    startedAt: fromTimestamp(startTime),
    endedAt: fromTimestamp(endTime),
    ...(failure && { failure: fromFailure(failure, `${field}.failure`) }),
  };
}

function toAttempt(attempt: StepAttempt): WireAttempt {
  return create(StepAttemptSchema, {
    number: attempt.number,
    startTime: toTimestamp(attempt.startedAt),
    endTime: toTimestamp(attempt.endedAt),
    failure: toFailure(attempt.failure),
  });
}
