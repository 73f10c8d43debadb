import { batchBytes, batchIds, briefOf, resultBytesOf, withoutResult } from './batch.js';
import type {
  Action,
  ChildClosedCommand,
  ChildRequest,
  ChildrenClosedCommand,
  ClosedChild,
} from './command.js';
import type { Decision, Rejection } from './decision.js';
import { type Draft, UNCHANGED } from './draft.js';
import { type Execution, type NewExecution, ownMember, type ParentLink } from './execution.js';
import { BATCH_OUTCOME_BYTES_MAX, BATCH_RESULTS_BYTES_MAX } from './limits.js';
import type { BatchChild, StepOutcome, StepRecord } from './step.js';
import { arrive, beginWait, goOn, sameKind } from './waits.js';

type StartChild = Extract<Action, { type: 'start_child' }>;
type StartChildren = Extract<Action, { type: 'start_children' }>;

/** Starts one child; the step waits for it, or has its id at once. */
export function startChild(
  draft: Draft,
  { key, child, waits }: StartChild,
  known: StepRecord | undefined,
): Rejection | undefined {
  const kind = waits ? 'invoke_and_wait' : 'invoke';
  if (known) return sameKind(known, kind);
  const { execution } = draft;
  const childExecutionId = child.id;
  if (waits) {
    beginWait(draft, key, { kind, childExecutionId, arrived: false });
  } else {
    const outcome = { type: 'completed', result: { json: JSON.stringify(childExecutionId) } } as const;
    const sequence = draft.nextSequence();
    draft.addStep({ type: 'recorded', key, kind, sequence, outcome, attempts: [], childExecutionId });
  }
  draft.addEvent('child_start', { childExecutionId, workflowId: child.workflowId }, key);
  execution.hasChildren = true;
  draft.send({ type: 'start_child', child: newChild(execution, child, linkTo(execution, key, waits)) });
  return undefined;
}

/** Starts the children of a batch. They stay in the journal: the outbox, a part of every commit, only points there. */
export function startChildren(
  draft: Draft,
  { key, children, waits }: StartChildren,
  known: StepRecord | undefined,
): Rejection | undefined {
  const kind = waits ? 'batch_invoke_and_wait' : 'batch_invoke';
  if (known) return sameKind(known, kind);
  if (waits) {
    beginWait(draft, key, { kind, open: children.length, arrived: false }, children);
  } else {
    const sequence = draft.nextSequence();
    const outcome = batchIds(children);
    draft.addStep({ type: 'recorded', key, kind, sequence, outcome, attempts: [], children });
  }
  const event = draft.nextEvent;
  draft.addEvent('children_start', { count: children.length }, key);
  draft.execution.hasChildren = true;
  draft.send({ type: 'start_children', stepKey: key, event });
  return undefined;
}

/** The children of a batch that a step's fact holds, as they are to be created. */
export function childrenToCreate(
  parent: Execution,
  key: string,
  children: readonly ChildRequest[],
  waits: boolean,
): NewExecution[] {
  return children.map((child, index) => newChild(parent, child, { ...linkTo(parent, key, waits), index }));
}

/** Notes what a child came to. Its step takes its place in the order once a worker has delivered it. */
export function childClosed(draft: Draft, command: ChildClosedCommand): Decision | undefined {
  const { execution } = draft;
  const { stepKey, outcome } = command;
  const wait = ownMember(execution.waits, stepKey);
  if (!wait || wait.arrived || wait.childExecutionId !== command.childExecutionId) return UNCHANGED;
  arrive(draft, stepKey, outcome);
  goOn(draft, 'child', [stepKey]);
  return undefined;
}

/** Notes what some children of a batch came to. The step has its outcome, and the code goes on, with the last of them. */
export function childrenClosed(
  draft: Draft,
  { stepKey, closed, recorded }: ChildrenClosedCommand,
): Decision | undefined {
  const { execution } = draft;
  const wait = ownMember(execution.waits, stepKey);
  if (!wait || wait.arrived || wait.open === undefined || !recorded?.batch) return UNCHANGED;
  const { batch } = recorded;
  const fresh = freshOf(batch, closed);
  if (fresh.size === 0) return UNCHANGED;
  let { resultBytes = 0 } = wait;
  const outcomes = new Map<number, StepOutcome>();
  for (const [index, outcome] of fresh) {
    const brief = briefOf(outcome, batch.length);
    resultBytes += resultBytesOf(brief);
    // Beyond the limit the step fails, whatever the others come to: their results are kept by themselves alone.
    const kept = resultBytes > BATCH_RESULTS_BYTES_MAX ? withoutResult(brief) : brief;
    outcomes.set(index, kept);
    draft.addStep({ type: 'child_closed', key: stepKey, index, outcome: kept });
  }
  const open = wait.open - fresh.size;
  draft.addEvent('children_close', { closed: fresh.size, open }, stepKey);
  draft.setWait(stepKey, { ...wait, open, resultBytes });
  if (open > 0) return undefined;
  const children = batch.map((child, index) => ({ ...child, ...outcomeIn(outcomes, index) }));
  arrive(draft, stepKey, gathered(stepKey, children, resultBytes));
  goOn(draft, 'child', [stepKey]);
  return undefined;
}

/** By index, what is news of children that were asked for. */
function freshOf(batch: readonly BatchChild[], closed: readonly ClosedChild[]): Map<number, StepOutcome> {
  const fresh = new Map<number, StepOutcome>();
  for (const { index, childExecutionId, outcome } of closed) {
    const child = batch[index];
    if (child?.id === childExecutionId && !child.outcome) fresh.set(index, outcome);
  }
  return fresh;
}

function outcomeIn(outcomes: ReadonlyMap<number, StepOutcome>, index: number): Pick<BatchChild, 'outcome'> {
  const outcome = outcomes.get(index);
  return outcome ? { outcome } : {};
}

/** The results are in the journal, one by one: the outcome is put together from them when it is read. */
function gathered(
  key: string,
  children: readonly BatchChild[],
  resultBytes: number,
): StepOutcome | 'gathered' {
  if (resultBytes > BATCH_RESULTS_BYTES_MAX) {
    return tooLarge(`the results of the children of step "${key}"`, resultBytes, BATCH_RESULTS_BYTES_MAX);
  }
  const bytes = batchBytes(children);
  if (bytes <= BATCH_OUTCOME_BYTES_MAX) return 'gathered';
  return tooLarge(`what the children of step "${key}" came to`, bytes, BATCH_OUTCOME_BYTES_MAX);
}

function tooLarge(what: string, bytes: number, bytesMax: number): StepOutcome {
  const message = `${what} take ${bytes} bytes together, more than ${bytesMax}; return less from each child, or split the batch`;
  return { type: 'failed', failure: { type: 'BatchSizeError', message, retryable: false } };
}

function linkTo(parent: Execution, stepKey: string, waits: boolean): ParentLink {
  return { executionId: parent.id, stepKey, waits };
}

function newChild(parent: Execution, child: ChildRequest, link: ParentLink): NewExecution {
  return {
    ...child,
    projectId: parent.projectId,
    parent: link,
    root: { executionId: parent.rootExecutionId, workflowId: parent.rootWorkflowId },
    sessionId: parent.sessionId,
    ...(parent.userId !== undefined && { userId: parent.userId }),
    ...(parent.deploymentId !== undefined && { deploymentId: parent.deploymentId }),
    searchAttributes: {},
    requestDigest: '',
    startDelayMs: 0,
  };
}
