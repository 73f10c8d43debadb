import type { StoredWorker } from '../store/store.js';
import type { WorkerRegistration, WorkerView } from './api.js';
import type { Worker } from './workers.js';

/** How long a worker that polls counts as connected between two calls. */
const POLL_GAP_MS_MAX = 70_000;

/** How long what another server said of a worker counts: it says so three times in this time. */
const SAID_MS_MAX = 60_000;

/** What servers tell each other of a worker. Schemas have a place of their own. */
interface WorkerRecord {
  readonly registration: WorkerRegistration;
  readonly registeredAt: number;
  readonly lastSeenAt: number;
  readonly hasStreamed: boolean;
  readonly doing: NonNullable<Worker['elsewhere']>;
}

/** A worker as the other servers are to know it. */
export function recordOf(worker: Worker, expiresAt: number): StoredWorker {
  const { registration, registeredAt, lastSeenAt, sink, hasStreamed, polls, running } = worker;
  const workflows = registration.workflows.map((workflow) => ({ ...workflow, schemas: {} }));
  const record: WorkerRecord = {
    registration: { ...registration, workflows },
    registeredAt,
    lastSeenAt,
    hasStreamed,
    doing: { isStreaming: sink !== undefined, polls, running: running.size },
  };
  return { id: worker.id, projectId: registration.projectId, expiresAt, body: JSON.stringify(record) };
}

/** A worker as another server described it. */
export function workerFrom({ id, body }: StoredWorker): Worker {
  const { registration, registeredAt, lastSeenAt, hasStreamed, doing } = JSON.parse(body) as WorkerRecord;
  return {
    id,
    registration,
    workflows: new Map(registration.workflows.map((workflow) => [workflow.id, workflow])),
    registeredAt,
    lastSeenAt,
    sink: undefined,
    polls: 0,
    running: new Map(),
    hasStreamed,
    elsewhere: doing,
  };
}

/** Whether a worker can be expected to take work. */
export function isConnected(worker: Worker, now: number): boolean {
  const { sink, polls, running, elsewhere, hasStreamed, lastSeenAt } = worker;
  const silence = now - lastSeenAt;
  if (sink || polls > 0 || running.size > 0) return true;
  const isBusyElsewhere =
    elsewhere && (elsewhere.isStreaming || elsewhere.polls > 0 || elsewhere.running > 0);
  if (isBusyElsewhere && silence <= SAID_MS_MAX) return true;
  return !hasStreamed && silence <= POLL_GAP_MS_MAX;
}

/** A worker as callers see it. */
export function viewOf(worker: Worker): WorkerView {
  return {
    ...worker.registration,
    id: worker.id,
    registeredAt: worker.registeredAt,
    lastSeenAt: worker.lastSeenAt,
    streaming: worker.sink !== undefined || worker.elsewhere?.isStreaming === true,
    runningExecutions: worker.elsewhere?.running ?? worker.running.size,
  };
}
