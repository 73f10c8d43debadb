import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriorityQueue } from './priority-queue.js';

test('what comes out is always the first of what is in', () => {
  const moves = fc.array(fc.option(fc.integer({ min: 0, max: 20 })), { maxLength: 200 });
  fc.assert(
    fc.property(moves, (asked) => {
      const queue = new PriorityQueue<number>((a, b) => a < b);
      const model: number[] = [];
      for (const number of asked) {
        if (number !== null) {
          queue.push(number);
          model.push(number);
          model.sort((a, b) => a - b);
        } else {
          expect(queue.pop()).toBe(model.shift());
        }
        expect(queue.size).toBe(model.length);
      }
      expect(model.map(() => queue.pop())).toEqual(model);
    }),
  );
});
