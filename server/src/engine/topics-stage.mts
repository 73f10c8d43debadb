import { expect, onTestFinished } from 'vitest';
import type { EventCursor, TopicEvent, WorkerAction } from './api.js';
import { Harness, PROJECT } from './harness.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** The topic of these tests, unless they say otherwise. */
export const TOPIC = 'payments';

/** Begins a wait for an event. */
export function awaits(
  key: string,
  more: { topic?: string; afterEvent?: number; timeoutMs?: number } = {},
): WorkerAction {
  return { type: 'await_event', key, topic: TOPIC, ...more };
}

/** Publishes an event as a step. */
export function publishes(key: string, json: string, topic = TOPIC): WorkerAction {
  return { type: 'publish_event', key, topic, event: { type: 'paid', data: { json } } };
}

/** Publishes events as a caller; answers their sequences. */
export function publish(harness: Harness, ...jsons: readonly string[]): Promise<readonly number[]> {
  return publishTo(harness, TOPIC, ...jsons);
}

/** The same, to a topic. */
export function publishTo(
  harness: Harness,
  topic: string,
  ...jsons: readonly string[]
): Promise<readonly number[]> {
  const events = jsons.map((json) => ({ type: 'paid', data: { json } }));
  return harness.engine.publish(PROJECT, { topic, events, digest: '' });
}

/** Publishes one event under a key. */
export function publishOnce(
  harness: Harness,
  idempotencyKey: string,
  json: string,
): Promise<readonly number[]> {
  const events = [{ type: 'paid', data: { json } }];
  return harness.engine.publish(PROJECT, { topic: TOPIC, events, idempotencyKey, digest: json });
}

/** An execution that a worker has. */
export async function begun(harness: Harness) {
  const executionId = await harness.invoke();
  return { executionId, assignment: await harness.take(await harness.register()) };
}

/** What a step was given. */
export async function given(
  harness: Harness,
  executionId: string,
  key: string,
): Promise<{ readonly sequence?: number } | undefined> {
  const { steps } = await harness.engine.listSteps(PROJECT, executionId, 0);
  const outcome = steps.find((step) => step.key === key)?.outcome;
  const result = outcome?.type === 'completed' ? outcome.result : undefined;
  return result && 'json' in result ? JSON.parse(result.json) : undefined;
}

/** The events of the topic that there are. */
export async function published(harness: Harness, from: Partial<EventCursor> = {}): Promise<TopicEvent[]> {
  const cursor = { afterEvent: 0, follow: false, signal: new AbortController().signal, ...from };
  const events: TopicEvent[] = [];
  for await (const page of harness.engine.topicEvents(PROJECT, TOPIC, cursor)) events.push(...page);
  return events;
}

/** Engines on one database that are as if each were in a process of its own, and none of which may report a fault. */
export async function servers(count: number): Promise<[Harness, ...Harness[]]> {
  const [first, ...rest] = await Harness.openBeside(count);
  if (!first) throw new Error('there is one');
  onTestFinished(() => {
    expect([first, ...rest].flatMap(({ faults }) => faults)).toEqual([]);
  });
  return [first, ...rest];
}
