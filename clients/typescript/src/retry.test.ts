import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pause, retryDelayMs } from './retry.js';

const delays = { baseDelay: 1_000, maxDelay: 10_000 };

it('doubles the delay up to the longest', () => {
  const middle = [0, 1, 2, 3, 4, 60].map((retry) => retryDelayMs(delays, retry, 0.5));
  expect(middle).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

it('spreads delays by a quarter to both sides', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(100), random, (retry, chance) => {
      const middle = retryDelayMs(delays, retry, 0.5);
      const delay = retryDelayMs(delays, retry, chance);
      expect(delay).toBeGreaterThanOrEqual(middle * 0.75);
      expect(delay).toBeLessThanOrEqual(middle * 1.25);
    }),
  );
});

it('ends a pause at once when its signal aborts', async () => {
  const controller = new AbortController();
  const paused = pause(60_000, controller.signal);
  controller.abort();
  expect(await paused).toBe(false);
  expect(await pause(60_000, controller.signal)).toBe(false);
  expect(await pause(0)).toBe(true);
});
