import { create } from '@bufbuild/protobuf';
import { expect, test, vi } from 'vitest';
import { executionSuspended } from './commands.js';
import { CompleteStepResponseSchema, LeaseSchema } from './gen/polos/v1/worker_service_pb.js';
import { LeaseHolder } from './lease-holder.js';

const LEASE_MS = 9_000;

test('who waits for a lease goes on when a heartbeat says that it is held, and gives up when it is lost', async () => {
  vi.useFakeTimers();
  try {
    const held = new AbortController();
    const lost = new AbortController();
    const port = { complete: async () => create(CompleteStepResponseSchema) };
    const holder = new LeaseHolder(port, create(LeaseSchema, { epoch: 1n }), LEASE_MS);
    expect(await holder.untilHeld(held.signal)).toBe(true);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    const ends: string[] = [];
    void holder.untilHeld(held.signal).then((isHeld) => ends.push(`held: ${isHeld}`));
    void holder.untilHeld(lost.signal).then((isHeld) => ends.push(`lost: ${isHeld}`));
    await vi.advanceTimersByTimeAsync(10 * LEASE_MS);
    expect(ends).toEqual([]);
    lost.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(ends).toEqual(['lost: false']);
    holder.confirm(performance.now());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ends).toEqual(['lost: false', 'held: true']);
  } finally {
    vi.useRealTimers();
  }
});

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
