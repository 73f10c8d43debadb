import { create } from '@bufbuild/protobuf';
import { expect, test, vi } from 'vitest';
import { executionSuspended } from './commands.js';
import { CompleteStepResponseSchema, LeaseSchema } from './gen/polos/v1/worker_service_pb.js';
import { LeaseHolder } from './lease-holder.js';

const LEASE_MS = 9_000;

test('an acknowledgement says that the lease is held from when the completion was sent, not from when it was read', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    let pausedMs = 1_000;
    const complete = async () => {
      vi.advanceTimersByTime(pausedMs);
      return create(CompleteStepResponseSchema);
    };
    const holder = new LeaseHolder({ complete }, create(LeaseSchema, { epoch: 1n }), LEASE_MS);
    await holder.complete([executionSuspended(false)], false);
    expect(holder.isSurelyHeld).toBe(true);
    // The process was stopped between the answer and its reading, for longer than the lease lasts.
    pausedMs = LEASE_MS + 1;
    await holder.complete([executionSuspended(false)], false);
    expect(holder.isSurelyHeld).toBe(false);
    holder.confirm(performance.now());
    expect(holder.isSurelyHeld).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
