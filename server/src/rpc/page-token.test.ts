import { expect, test } from 'vitest';
import {
  decodeExecutionsToken,
  decodePlaceToken,
  decodeScheduleToken,
  encodeExecutionsToken,
  encodePlaceToken,
  encodeScheduleToken,
} from './page-token.js';

test('a token of ListExecutions holds the place it was made for', () => {
  const place = { createdAt: 1_795_000_000_123, id: 'é-1' };
  expect(decodeExecutionsToken(encodeExecutionsToken(place))).toEqual(place);
  expect(decodeExecutionsToken('')).toBeUndefined();
});

test('a token of ListSteps holds the place it was made for', () => {
  expect(decodePlaceToken(encodePlaceToken(12_345))).toBe(12_345);
  expect(decodePlaceToken('')).toBe(0);
  expect(encodePlaceToken(undefined)).toBe('');
});

test('a token of ListSchedules holds the place it was made for, and fits a request', () => {
  const longest = `${'"'.repeat(200)}\t${'"'.repeat(200)}`;
  const token = encodeScheduleToken(longest);
  expect(decodeScheduleToken(token)).toBe(longest);
  expect(token.length).toBeLessThan(2_048);
  expect(decodeScheduleToken('')).toBeUndefined();
  expect(encodeScheduleToken(undefined)).toBe('');
});

const texts = ['x', '!!!', 'bnVsbA', 'W10', Buffer.from('[-1]').toString('base64url'), encodePlaceToken(7)];

test.each([...texts, Buffer.from('["a",1]').toString('base64url')])(
  'the page token %j of executions is refused',
  (token) => {
    expect(() => decodeExecutionsToken(token)).toThrow('page_token: the server never gave this token');
  },
);

test.each([...texts.slice(0, -1), encodeExecutionsToken({ createdAt: 1, id: 'a' })])(
  'the page token %j of steps is refused',
  (token) => {
    expect(() => decodePlaceToken(token)).toThrow('page_token: the server never gave this token');
  },
);

test.each([...texts, encodeExecutionsToken({ createdAt: 1, id: 'a' })])(
  'the page token %j of schedules is refused',
  (token) => {
    expect(() => decodeScheduleToken(token)).toThrow('page_token: the server never gave this token');
  },
);
