import type { Action, ChildRequest, OutboxDeliveredCommand, ResumeCommand } from './command.js';
import type { Decision, Rejection } from './decision.js';
import { type Draft, reject, UNCHANGED } from './draft.js';
import { isFinal, ownMember, type Wait } from './execution.js';
import { jsonEquals } from './json.js';
import { RESUMES_BYTES_MAX, RESUMES_MAX } from './limits.js';
import { type Payload, payloadBytes } from './payload.js';
import type { StepKind, StepOutcome, StepRecord } from './step.js';

type AwaitTimer = Extract<Action, { type: 'await_timer' }>;
type SendResume = Extract<Action, { type: 'send_resume' }>;
type AwaitResume = Extract<Action, { type: 'await_resume' }>;

/** Notes that a step waits for an outcome that only the server can bring. */
export function beginWait(draft: Draft, key: string, wait: Wait, children?: readonly ChildRequest[]): void {
  const { kind, childExecutionId } = wait;
  const child = childExecutionId !== undefined && { childExecutionId };
  draft.addStep({ type: 'pending', key, kind, ...child, ...(children && { children }) });
  draft.setWait(key, wait);
}

/** Begins a wait for a time; one that has passed ends it at once. */
export function awaitTimer(
  draft: Draft,
  { key, ...when }: AwaitTimer,
  known: StepRecord | undefined,
): Rejection | undefined {
  if (known) return sameKind(known, 'wait_for');
  const until = 'until' in when ? when.until : draft.at + when.delayMs;
  draft.addEvent('step_wait', { until }, key);
  beginWait(draft, key, { kind: 'wait_for', until, arrived: false });
  if (until <= draft.at) arrive(draft, key, TIME_HAS_COME);
  return undefined;
}

/** Begins a wait to be resumed, which may have happened already. */
export function awaitResume(
  draft: Draft,
  { key, data, timeoutMs }: AwaitResume,
  known: StepRecord | undefined,
): Rejection | undefined {
  if (known) return sameKind(known, 'suspend');
  const { execution } = draft;
  const until = timeoutMs === undefined ? undefined : draft.at + timeoutMs;
  const end = until !== undefined && { until };
  draft.addEvent('step_suspend', { ...(data !== undefined && { data }), ...end }, key);
  beginWait(draft, key, { kind: 'suspend', ...end, arrived: false });
  const { resumes } = execution;
  const early = resumes && ownMember(resumes, key);
  if (!resumes || !early) return undefined;
  const { [key]: _, ...rest } = resumes;
  execution.resumes = Object.keys(rest).length > 0 ? rest : undefined;
  arrive(draft, key, resumedWith(early.data));
  return undefined;
}

/** Resumes a step of another execution. What becomes of that comes with the delivery of the message. */
export function sendResume(
  draft: Draft,
  { key, executionId, suspendedStepKey, data }: SendResume,
  known: StepRecord | undefined,
): Rejection | undefined {
  if (known) return sameKind(known, 'resume');
  draft.addEvent('resume_send', { executionId, stepKey: suspendedStepKey }, key);
  beginWait(draft, key, { kind: 'resume', arrived: false });
  draft.send({ type: 'resume', stepKey: key, executionId, suspendedStepKey, ...(data && { data }) });
  return undefined;
}

/** Ends the waits for what became of messages. */
export function answered(draft: Draft, answers: OutboxDeliveredCommand['answers']): void {
  const { waits } = draft.execution;
  const fresh = answers.filter(({ stepKey }) => {
    const wait = ownMember(waits, stepKey);
    return wait?.kind === 'resume' && !wait.arrived;
  });
  for (const { stepKey, outcome } of fresh) arrive(draft, stepKey, outcome);
  if (fresh.length > 0)
    goOn(
      draft,
      'answer',
      fresh.map(({ stepKey }) => stepKey),
    );
}

/** Ends a wait with data, or keeps the data for the wait to come. */
export function resume(draft: Draft, { stepKey, data, recorded }: ResumeCommand): Decision | undefined {
  const { status } = draft.execution;
  const outcome = resumedWith(data);
  const refused = recorded && sameKind(recorded, 'suspend');
  if (!refused && recorded?.outcome && sameOutcome(recorded.outcome, outcome)) return UNCHANGED;
  if (isFinal(status)) return reject({ type: 'closed', status });
  if (refused) return reject(refused);
  if (!recorded) return keep(draft, stepKey, data);
  if (recorded.outcome) return reject(conflict(stepKey, 'has another outcome already'));
  arrive(draft, stepKey, outcome);
  goOn(draft, 'resume', [stepKey]);
  return undefined;
}

function keep(draft: Draft, stepKey: string, data: Payload | undefined): Decision | undefined {
  const { execution } = draft;
  const { resumes = {} } = execution;
  const earlier = ownMember(resumes, stepKey);
  if (earlier) {
    if (sameOutcome(resumedWith(earlier.data), resumedWith(data))) return UNCHANGED;
    return reject(conflict(stepKey, 'was resumed already, with other data'));
  }
  const kept = { ...resumes, [stepKey]: { ...(data && { data }) } };
  const count = Object.keys(kept).length;
  const bytes = Object.values(kept).reduce((sum, each) => sum + payloadBytes(each.data), 0);
  if (count > RESUMES_MAX) {
    return reject({ type: 'limit', name: 'early_resumes', limit: RESUMES_MAX, actual: count });
  }
  if (bytes > RESUMES_BYTES_MAX) {
    return reject({ type: 'limit', name: 'early_resume_bytes', limit: RESUMES_BYTES_MAX, actual: bytes });
  }
  execution.resumes = kept;
  draft.addEvent('resume_early', {}, stepKey);
  return undefined;
}

/** Ends the waits whose time has come; answers their steps. */
export function endDueWaits(draft: Draft): string[] {
  const { at, execution } = draft;
  const due = Object.entries(execution.waits).filter(
    ([, { arrived, until }]) => !arrived && until !== undefined && until <= at,
  );
  due.sort(([, a], [, b]) => (a.until ?? 0) - (b.until ?? 0));
  for (const [key, { kind }] of due)
    arrive(draft, key, kind === 'wait_for' ? TIME_HAS_COME : timedOut(key, kind));
  return due.map(([key]) => key);
}

/**
 * Notes the outcome of a step that waits. Its place in the order comes once a worker has delivered it.
 * @param outcome `gathered`: what is recorded of the step's children.
 */
export function arrive(draft: Draft, key: string, outcome: StepOutcome | 'gathered'): void {
  const { execution } = draft;
  const wait = execution.waits[key] as Wait;
  draft.setWait(key, { ...wait, arrived: true });
  if (outcome === 'gathered') {
    draft.addStep({ type: 'gathered', key });
    draft.addOutcomeEvent(key, wait.kind, { type: 'completed' }, 1);
  } else {
    draft.addStep({ type: 'arrived', key, outcome });
    draft.addOutcomeEvent(key, wait.kind, outcome, 1);
  }
}

/** Has the code go on with outcomes that arrived: tells the worker that holds the execution, or queues it for one. */
export function goOn(draft: Draft, reason: ReadyReason, stepKeys: readonly string[]): void {
  const { execution } = draft;
  if (execution.status === 'waiting') {
    draft.addEvent('workflow_ready', { reason }, stepKeys[0]);
    draft.queue(draft.at);
  } else if (execution.lease) {
    const { workerId } = execution.lease;
    for (const stepKey of stepKeys) {
      draft.effects.push({ type: 'outcome_arrived', workerId, epoch: execution.epoch, stepKey });
    }
  }
}

/** Whether two outcomes are the same to whoever gets them. */
export function sameOutcome(a: StepOutcome, b: StepOutcome): boolean {
  return a.type === b.type && jsonEquals(comparable(a), comparable(b));
}

/** The refusal of something that contradicts what is recorded of a step. */
export function conflict(stepKey: string, what: string): Rejection {
  return { type: 'result_conflict', stepKey, message: `the step "${stepKey}" ${what}` };
}

/** Nothing, or the refusal of a step that is recorded as something else. */
export function sameKind(known: StepRecord, kind: StepKind): Rejection | undefined {
  return known.kind === kind ? undefined : conflict(known.key, `is recorded already as "${known.kind}"`);
}

/** What had an execution go on. */
type ReadyReason = 'child' | 'timer' | 'event' | 'resume' | 'answer';

const TIME_HAS_COME: StepOutcome = { type: 'completed' };

function resumedWith(data: Payload | undefined): StepOutcome {
  return { type: 'completed', ...(data && { result: data }) };
}

function timedOut(key: string, kind: StepKind): StepOutcome {
  const message =
    kind === 'wait_for_event'
      ? `no event came in time for the step "${key}"`
      : `the step "${key}" was not resumed in time`;
  return { type: 'failed', failure: { type: 'WaitTimeoutError', message, retryable: false } };
}

/** Outcomes are plain data; bytes are compared as arrays of numbers. */
function comparable(outcome: StepOutcome) {
  if (outcome.type === 'failed') return { type: outcome.failure.type, message: outcome.failure.message };
  const { result } = outcome;
  if (!result) return null;
  return 'json' in result ? { json: result.json } : { data: [...result.data], encoding: result.encoding };
}
