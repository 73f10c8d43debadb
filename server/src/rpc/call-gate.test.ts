import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallGate } from './call-gate.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

test('a call too many is refused until one has left', () => {
  const gate = new CallGate({ calls: 2, requestMs: 1_000 });
  const [one, two, three] = [waiting(), waiting(), waiting()] as const;
  gate.enter(one);
  gate.enter(two);
  expect(() => gate.enter(three)).toThrow('the server has as many calls as it takes');
  gate.leave(one);
  gate.leave(one);
  gate.enter(three);
  expect(gate.size).toBe(2);
});

test('a call whose request does not come is ended, one whose request came is not', () => {
  const gate = new CallGate({ calls: 10, requestMs: 1_000 });
  const [slow, fast, late] = [waiting(), waiting(), waiting()] as const;
  gate.enter(slow);
  gate.enter(fast);
  gate.begin(fast);
  vi.advanceTimersByTime(900);
  gate.enter(late);
  vi.advanceTimersByTime(400);
  expect([slow.isExpired, fast.isExpired, late.isExpired]).toEqual([true, false, false]);
  gate.close();
  expect(vi.getTimerCount()).toBe(0);
});

function waiting() {
  return {
    isExpired: false,
    expire() {
      this.isExpired = true;
    },
  };
}
