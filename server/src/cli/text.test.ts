import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { durationText, parseDuration, parseDurationMs } from './duration.js';
import { cut, fieldList, table } from './table.js';
import { printable } from './terminal.js';
import { agoText, eventTimeText, timeText } from './time-text.js';
import { UsageError } from './usage-error.js';

const NOON = new Date(2026, 10, 22, 12, 0, 0, 7).getTime();

test.each([
  ['250ms', 250],
  ['1.5s', 1500],
  ['0s', 0],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['0.1ms', 1],
])('the duration %s is %i ms', (text, ms) => {
  expect(parseDurationMs('--x', text)).toBe(ms);
});

test.each(['', '5', '-1s', '1 s', 's', '1e3s', '99999999999999999d'])('%j is no duration', (text) => {
  expect(() => parseDurationMs('--x', text)).toThrow(UsageError);
});

test('a duration goes over the wire in seconds and nanoseconds', () => {
  expect(parseDuration('--x', '1.25s')).toMatchObject({ seconds: 1n, nanos: 250_000_000 });
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1000, '1.0 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 days'],
])('%i ms are written as %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test('times are local, with how long ago they were', () => {
  expect(timeText(timestampFromMs(NOON), NOON + 12_000)).toBe('2026-11-22 12:00:00 (12 s ago)');
  expect(timeText(undefined)).toBe('-');
  expect(agoText(NOON + 5000, NOON)).toBe('in 5.0 s');
  expect(agoText(NOON + 300, NOON)).toBe('just now');
});

test('an event of today has its time alone, one of another day its date too', () => {
  expect(eventTimeText(timestampFromMs(NOON), NOON)).toBe('12:00:00.007');
  expect(eventTimeText(timestampFromMs(NOON), NOON + 86_400_000)).toBe('2026-11-22 12:00:00.007');
});

test('columns line up whatever is coloured, numbers to the right', () => {
  const rows = [
    { name: '\u001b[32ma\u001b[39m', count: 1 },
    { name: 'longer', count: 100 },
  ];
  const text = table(rows, [
    { heading: 'NAME', text: ({ name }) => name },
    { heading: 'COUNT', text: ({ count }) => String(count), align: 'right' },
  ]);
  expect(text.split('\n')).toEqual(['NAME    COUNT', '\u001b[32ma\u001b[39m           1', 'longer    100']);
});

test('values of several lines stay under themselves, empty ones are left out', () => {
  const fields = [
    ['id', 'x'],
    ['note', ''],
    ['payload', '{\n}'],
  ] as const;
  expect(fieldList(fields)).toBe('id       x\npayload  {\n         }');
});

test('a cut text says so', () => {
  expect(cut('abcdef', 4)).toBe('abc…');
  expect(cut('abcd', 4)).toBe('abcd');
});

test('text of others cannot control the terminal', () => {
  expect(printable('a\u001b[2Jb\u009bc\rd\n\te')).toBe('a\\u001b[2Jb\\u009bc\\u000dd\n\te');
});
