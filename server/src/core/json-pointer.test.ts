import { expect, test } from 'vitest';
import { pointerSegment, pointerSegments } from './json-pointer.js';

test.each([
  ['a/b', '/a~1b'],
  ['~', '/~0'],
  ['~1', '/~01'],
  ['', '/'],
  ['0', '/0'],
])('the pointer segment of %j is %s, which leads there', (key, segment) => {
  expect(pointerSegment(key)).toBe(segment);
  expect(pointerSegments(segment)).toEqual([key]);
});

test('the segments of the whole are none, and of what is no pointer undefined', () => {
  expect(pointerSegments('')).toEqual([]);
  expect(['a', ' ', '/~', '/a~2'].map(pointerSegments)).toEqual([undefined, undefined, undefined, undefined]);
});
