import type { ExecutionEvent, ExecutionHandle, PolosClient } from '@polos/sdk';
import { expect, vi } from 'vitest';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

/** How large the trees of these tests are. */
export const SIZE = { families: 3, members: 4 };

/** The topmost execution, the families, their members, and in each family one that nobody waits for. */
const EXECUTIONS = 1 + SIZE.families * (1 + SIZE.members + 1);

/** Lets those that wait go on, as soon as they are among the events. Resolves when the tree has come to its end. */
export async function openGates(client: PolosClient, root: string): Promise<void> {
  for await (const { type, executionId } of client.getHandle(root).events({ descendants: true })) {
    if (type === 'step_suspend') await client.resume(executionId, 'gate');
  }
}

/** All events of a tree after a place. */
export async function eventsAfter(execution: ExecutionHandle, after: number): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const event of execution.events({ descendants: true, after })) events.push(event);
  return events;
}

/** Events up to the first for which this is true, which is among them. */
export async function eventsUntil(
  execution: ExecutionHandle,
  { after, isLast }: { readonly after: number; isLast(event: ExecutionEvent): boolean },
): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const event of execution.events({ descendants: true, after })) {
    events.push(event);
    if (isLast(event)) break;
  }
  return events;
}

/** What the tree of one test has to be, whatever happened meanwhile. */
export async function expectWholeTree(client: PolosClient, events: readonly ExecutionEvent[]): Promise<void> {
  expect(events.map(({ place }) => place)).toEqual(events.map((_, index) => index + 1));
  const byExecution = new Map<string, ExecutionEvent[]>();
  for (const event of events) {
    byExecution.set(event.executionId, [...(byExecution.get(event.executionId) ?? []), event]);
  }
  expect(byExecution.size).toBe(EXECUTIONS);
  for (const [executionId, own] of byExecution) {
    const alone: ExecutionEvent[] = [];
    for await (const event of client.getHandle(executionId).events()) alone.push(event);
    expect(own.map(({ sequence, type }) => `${sequence} ${type}`)).toEqual(
      alone.map(({ sequence, type }) => `${sequence} ${type}`),
    );
    expect(own.at(-1)?.type).toBe('workflow_finish');
    const start = events.find(
      ({ type, data }) =>
        type === 'child_start' && (data as Record<string, unknown>).childExecutionId === executionId,
    );
    expect(start?.place ?? 0).toBeLessThan(own[0]?.place ?? 0);
  }
}
