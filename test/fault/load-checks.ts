import { type ExecutionEvent, PolosClient } from '@polos/sdk';
import { expect } from 'vitest';
import type { Load } from './load.js';
import type { FollowedEvents, LoadExecution } from './load-execution.js';
import { type JournalReading, type LoadJournal, stepName } from './load-journal.js';
import { listExecutions } from './load-listing.js';

const PARENT_STEPS = ['a', 'b', 'c', 'd', 'e', 'f'];
const CHILD_STEPS = ['first', 'last'];
/** Executions that are read again at once. */
const READERS = 16;
/** Of what is wrong, in the message. */
const SHOWN_MAX = 10;
const EPOCH_BEGINS = new Set(['workflow_start', 'workflow_resume']);

/** What a load that kept every promise did. */
export interface LoadFigures {
  readonly executions: number;
  readonly children: number;
  readonly steps: number;
  /** Calls of steps' functions beyond the first, none of them after its step was durable. */
  readonly repeatedBodies: number;
}

/**
 * Checks all that the load's executions left behind, read through each of the servers in turn.
 * @throws what `expect` throws, with what is wrong in words.
 */
export async function checkLoad(
  load: Load,
  { journal, urls }: { readonly journal: LoadJournal; readonly urls: readonly string[] },
): Promise<LoadFigures> {
  expect(load.failures.slice(0, SHOWN_MAX)).toEqual([]);
  const reading = journal.read();
  const problems = [...reading.violations];
  const clients = urls.map((apiUrl) => new PolosClient({ apiUrl }));
  const left = load.executions.values();
  const read = async (client: PolosClient) => {
    for (const execution of left) problems.push(...(await problemsOf(execution, { client, reading })));
  };
  await Promise.all(Array.from({ length: READERS }, (_, n) => read(clients[n % clients.length]!)));
  for (const client of clients) client.close();
  for (const url of urls) problems.push(...(await listingProblems(load, url)));
  expect(problems.slice(0, SHOWN_MAX), `${problems.length} promises broken`).toEqual([]);
  const steps = [...reading.steps.values()];
  return {
    executions: load.executions.length,
    children: load.executions.filter(({ hasChild }) => hasChild).length,
    steps: steps.filter(({ acked }) => acked !== undefined).length,
    repeatedBodies: steps.reduce((sum, { bodies }) => sum + Math.max(0, bodies.length - 1), 0),
  };
}

interface Sources {
  readonly client: PolosClient;
  readonly reading: JournalReading;
}

async function problemsOf(execution: LoadExecution, { client, reading }: Sources): Promise<string[]> {
  const { id, followed, hasChild, note } = execution;
  const [own, child, ...others] = followed;
  if (id === undefined || own === undefined) return [`${execution.describe()}: not finished`];
  const problems: string[] = [];
  if ((child !== undefined) !== hasChild || others.length > 0)
    problems.push(`${id}: another number of children`);
  const stepsOf = (events: FollowedEvents) => (events === own ? PARENT_STEPS : CHILD_STEPS);
  for (const events of followed) {
    problems.push(...streamProblems(events));
    problems.push(...stepProblems(events, { steps: stepsOf(events), reading }));
    const recorded: ExecutionEvent[] = [];
    for await (const event of client.getHandle(events.executionId).events({ follow: false }))
      recorded.push(event);
    if (!isSame(recorded, events.events)) {
      problems.push(`${events.executionId}: followed ${brief(events.events)}, recorded ${brief(recorded)}`);
    }
  }
  const values = (events: FollowedEvents | undefined) =>
    events === undefined ? [] : stepsOf(events).map((step) => returnedBy(events.executionId, step, reading));
  const mine = values(own);
  const expected = {
    result: {
      number: execution.number,
      values: hasChild
        ? [...mine.slice(0, 4), `${execution.number}`, ...values(child), ...mine.slice(4)]
        : mine,
    },
    state: { note, done: [mine[1], mine[4]], inside: mine[2] },
  };
  const found = {
    result: execution.result,
    state: (await client.getHandle(id).state()).value,
  };
  if (!isSame(found, expected)) {
    problems.push(`${id}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  }
  return problems;
}

/** Numbered 1 to N, from the queueing to the end, and each of its steps recorded once. */
function streamProblems({ executionId, events }: FollowedEvents): string[] {
  const isNumbered = events.every(({ sequence }, index) => sequence === index + 1);
  const ends = events.filter(({ type }) => type === 'workflow_finish').length;
  const isWhole = events[0]?.type === 'workflow_queued' && events.at(-1)?.type === 'workflow_finish';
  return isNumbered && isWhole && ends === 1 ? [] : [`${executionId}: followed ${brief(events)}`];
}

function stepProblems(
  { executionId, events }: FollowedEvents,
  { steps, reading }: { readonly steps: readonly string[]; readonly reading: JournalReading },
): string[] {
  const finished = events.filter(({ type }) => type === 'step_finish').map(({ stepKey }) => stepKey);
  const problems: string[] = [];
  const expected = finished.filter((step) => step !== 'child');
  if (!isSame(expected, steps)) problems.push(`${executionId}: recorded steps ${finished.join(' ')}`);
  const epochs = events.filter(({ type }) => EPOCH_BEGINS.has(type)).length;
  for (const step of steps) {
    const { bodies = [] } = reading.steps.get(stepName(executionId, step)) ?? {};
    if (bodies.length === 0 || bodies.length > epochs) {
      problems.push(`${executionId} ${step}: ${bodies.length} bodies in ${epochs} epochs`);
    }
  }
  return problems;
}

/** What a step returned: what it was noted as durable with, or else, as of a last step, the only thing it can be. */
function returnedBy(executionId: string, step: string, { steps }: JournalReading): string | undefined {
  const { acked, bodies = [] } = steps.get(stepName(executionId, step)) ?? {};
  const [value] = acked ?? [];
  return value ?? bodies.at(-1);
}

/** One execution for each key, one child for each execution that asked for one, and all of them completed. */
async function listingProblems({ executions }: Load, url: string): Promise<string[]> {
  const parents = await listExecutions(url, 'load_parent');
  const children = await listExecutions(url, 'load_child');
  const problems = [...parents, ...children]
    .filter(({ status }) => status !== 'EXECUTION_STATUS_COMPLETED')
    .map(({ id, status }) => `${id} is listed as ${status}`);
  const invoked = executions.map(({ id }) => id);
  const withChild = executions.filter(({ hasChild }) => hasChild).map(({ id }) => id);
  const compare = (what: string, listed: readonly unknown[], expected: readonly unknown[]) => {
    const isEqual = isSame([...listed].sort(), [...expected].sort());
    if (!isEqual) problems.push(`${listed.length} ${what} are listed, ${expected.length} expected`);
  };
  compare(
    'executions',
    parents.map(({ id }) => id),
    invoked,
  );
  compare(
    'children',
    children.map(({ parentExecutionId }) => parentExecutionId),
    withChild,
  );
  return problems;
}

function brief(events: readonly ExecutionEvent[]): string {
  return events.map(({ sequence, type, stepKey = '' }) => `${sequence} ${type} ${stepKey}`.trim()).join(', ');
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
