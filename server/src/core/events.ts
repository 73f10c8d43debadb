import type { Action, EventArrivedCommand } from './command.js';
import type { Decision, Rejection } from './decision.js';
import { type Draft, UNCHANGED } from './draft.js';
import { ownMember } from './execution.js';
import { EVENT_TOPICS_MAX, EVENT_WAITS_MAX } from './limits.js';
import type { StepRecord } from './step.js';
import { arrive, beginWait, goOn, sameKind } from './waits.js';

type AwaitEvent = Extract<Action, { type: 'await_event' }>;
type PublishEvent = Extract<Action, { type: 'publish_event' }>;

/** Publishes an event: among the execution's own it is there with the commit, on a topic a message brings it. */
export function publishEvent(
  draft: Draft,
  { key, topic, event }: PublishEvent,
  known: StepRecord | undefined,
): Rejection | undefined {
  const kind = 'publish_event';
  if (known) return sameKind(known, kind);
  const sequence = draft.nextSequence();
  const outcome = { type: 'completed' } as const;
  draft.addStep({ type: 'recorded', key, kind, sequence, outcome, attempts: [] });
  if (topic === undefined) {
    draft.publish(key, event);
  } else {
    draft.addOutcomeEvent(key, kind, outcome, 1);
    draft.send({ type: 'publish_event', stepKey: key, topic, event });
  }
  return undefined;
}

/**
 * Begins a wait for an event. Whoever publishes one looks for executions that wait; the message has somebody look for
 * one that was published before.
 */
export function awaitEvent(
  draft: Draft,
  { key, topic, afterEvent, timeoutMs }: AwaitEvent,
  known: StepRecord | undefined,
): Rejection | undefined {
  const kind = 'wait_for_event';
  if (known) return sameKind(known, kind);
  const { topicCursors = {}, waits } = draft.execution;
  const waiting = Object.values(waits).filter((wait) => wait.kind === kind && !wait.arrived).length + 1;
  if (waiting > EVENT_WAITS_MAX) {
    return { type: 'limit', name: 'event_waits', limit: EVENT_WAITS_MAX, actual: waiting };
  }
  const cursor = ownMember(topicCursors, topic);
  const topics = Object.keys(topicCursors).length + (cursor === undefined ? 1 : 0);
  if (topics > EVENT_TOPICS_MAX) {
    return { type: 'limit', name: 'event_topics', limit: EVENT_TOPICS_MAX, actual: topics };
  }
  const after = afterEvent ?? cursor;
  const until = timeoutMs !== undefined && { until: draft.at + timeoutMs };
  draft.addEvent('step_wait_event', { topic, ...until }, key);
  beginWait(draft, key, {
    kind,
    topic,
    ...(after !== undefined && { afterEvent: after }),
    ...until,
    arrived: false,
  });
  draft.send({ type: 'await_event', stepKey: key });
  return undefined;
}

/** Gives a step its event, the first after the one that it began with: the shell brings them in order. */
export function eventArrived(
  draft: Draft,
  { stepKey, topic, sequence, result }: EventArrivedCommand,
): Decision | undefined {
  const { execution } = draft;
  const wait = ownMember(execution.waits, stepKey);
  if (!wait || wait.arrived || wait.topic !== topic || sequence <= (wait.afterEvent ?? 0)) return UNCHANGED;
  const given = ownMember(execution.topicCursors ?? {}, topic) ?? 0;
  execution.topicCursors = { ...execution.topicCursors, [topic]: Math.max(given, sequence) };
  arrive(draft, stepKey, { type: 'completed', result });
  goOn(draft, 'event', [stepKey]);
  return undefined;
}
