import type { Command } from '../core/command.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import type { Executions } from './executions.js';
import type { Loaded } from './loaded.js';

/** What it takes to renew leases. */
export interface RenewalPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly executions: Executions;
  /** What does whatever is due of an execution. */
  wakeCommand(before: Loaded): Promise<Command>;
}

/** Executions whose leases are renewed at once. */
const BATCH = 500;

/** Workers could not renew their leases while no server ran: each lasts at least a full term from now. */
export async function renewLeases(port: RenewalPort): Promise<void> {
  const { store, clock, leaseMs } = port;
  const until = clock.now() + leaseMs;
  const seen = new Set<string>();
  for (;;) {
    const { due } = await store.listDue({ until, limit: BATCH + seen.size });
    const fresh = due.map(({ id }) => id).filter((id) => !seen.has(id));
    if (fresh.length === 0) return;
    await Promise.all(fresh.map((id) => renewLease(port, id)));
    for (const id of fresh) seen.add(id);
  }
}

function renewLease({ executions, clock, wakeCommand }: RenewalPort, executionId: string): Promise<unknown> {
  return executions.submit(executionId, (before) => {
    const { epoch, lease } = before.execution;
    if (!lease) return wakeCommand(before);
    return { type: 'extend_lease', at: clock.now(), epoch, token: lease.token };
  });
}
