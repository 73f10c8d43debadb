import type { Assignment, Wait, WorkSession, WorkSink } from './api.js';
import type { Clock } from './clock.js';
import type { Loaded } from './loaded.js';
import type { Matcher, Poller } from './matcher.js';
import type { Worker, Workers } from './workers.js';

/** What pollers need of the engine. */
export interface PollerPort {
  readonly matcher: Matcher;
  readonly workers: Workers;
  readonly clock: Clock;
  /** Undefined if it cannot be read, or if the lease is over before that. Never rejects. */
  assignmentOf(loaded: Loaded): Promise<Assignment | undefined>;
}

/** One call of Poll: takes up to `max` executions, as soon as there is one. */
export function pollOnce(
  port: PollerPort,
  worker: Worker,
  { max, waitMs, signal }: Wait & { readonly max: number },
): Promise<readonly Assignment[]> {
  return new Promise((resolve) => {
    const taken: Promise<Assignment | undefined>[] = [];
    /** Reservations that are neither delivered nor released; missing while the call takes more. */
    let pending: number | undefined;
    const settle = () => {
      if (pending === undefined) return;
      pending -= 1;
      answerIfDone();
    };
    const answerIfDone = () => {
      if (pending === 0) Promise.all(taken).then((all) => resolve(all.filter((one) => one !== undefined)));
    };
    const poller: Poller = {
      worker,
      capacity: max,
      deliver: (loaded) => {
        taken.push(port.assignmentOf(loaded));
        // Others that were claimed in the same turn come along.
        if (pending === undefined) setImmediate(end);
        settle();
      },
      released: settle,
    };
    const end = () => {
      if (pending !== undefined) return;
      callOff();
      signal.removeEventListener('abort', end);
      port.matcher.remove(poller);
      worker.polls -= 1;
      pending = max - poller.capacity - taken.length;
      answerIfDone();
    };
    const callOff = port.clock.callAt(port.clock.now() + waitMs, end);
    signal.addEventListener('abort', end);
    worker.polls += 1;
    port.matcher.add(poller);
    if (signal.aborted) end();
  });
}

/** An open Work stream: takes as many executions as the worker grants. */
export function openSession(port: PollerPort, worker: Worker, sink: WorkSink): WorkSession {
  let isOpen = true;
  let isAdded = false;
  const poller: Poller = {
    worker,
    capacity: 0,
    deliver: async (loaded) => {
      const assignment = await port.assignmentOf(loaded);
      if (assignment) return sink.assign(assignment);
      // The worker was sent nothing, so it still waits for as many as before.
      poller.capacity += 1;
      if (isOpen) port.matcher.roomFor(poller);
    },
    released: () => {},
  };
  port.workers.setSink(worker, sink);
  const leave = () => {
    if (isOpen) port.matcher.remove(poller);
    isOpen = false;
  };
  return {
    grant(count) {
      if (!isOpen) return;
      poller.capacity += count;
      if (isAdded) port.matcher.roomFor(poller);
      else port.matcher.add(poller);
      isAdded = true;
    },
    touch() {
      worker.lastSeenAt = port.clock.now();
    },
    drain: leave,
    close() {
      leave();
      if (worker.sink === sink) port.workers.setSink(worker, undefined);
    },
  };
}
