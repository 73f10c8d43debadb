import { expect, test, vi } from 'vitest';
import { StoreFault } from '../store.js';
import { OwnRemovals } from './own-removals.js';

const A = { group: 'group', id: 'a' };

test('the news of a removal is our own once for each that we committed', async () => {
  const removals = new OwnRemovals();
  removals.remember(A, Promise.resolve('committed'));
  removals.remember(A, Promise.resolve('committed'));
  expect(await removals.isOwn({ group: 'group', id: 'b' })).toBe(false);
  expect(await removals.isOwn({ group: 'a', id: 'group' })).toBe(false);
  const news = await Promise.all([A, A, A].map((key) => removals.isOwn(key)));
  expect(news.sort()).toEqual([false, true, true]);
});

test('news that comes before the answer waits for it', async () => {
  const removals = new OwnRemovals();
  let answer: (result: 'committed' | 'conflict') => void = () => {};
  removals.remember(A, new Promise((resolve) => (answer = resolve)));
  const isOwn = removals.isOwn(A);
  answer('committed');
  expect(await isOwn).toBe(true);
});

test('the news of a removal that we were refused, or know nothing of, is of somebody else', async () => {
  const removals = new OwnRemovals();
  removals.remember(A, Promise.resolve('conflict'));
  removals.remember(A, Promise.reject(new StoreFault('no answer', { retryable: true })));
  expect(await removals.isOwn(A)).toBe(false);
});

test('a removal of which no news comes is forgotten', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const removals = new OwnRemovals();
  removals.remember(A, Promise.resolve('committed'));
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  expect(await removals.isOwn(A)).toBe(false);
});
