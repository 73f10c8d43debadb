import { expect, test } from 'vitest';
import { differences, errorDifferences, fillIn } from './matching.js';

const ID = '01a20740-888c-7a3d-8a67-0a4a7b8ef5e7';
const OTHER_ID = '01a20740-888c-7a3d-8a67-0a4a7b8ef5e8';
const rule = () => ({ names: new Map([['known', ID]]), knowsNothing: true });
const nothing = { '!value': 'nothing' };

test.each([
  ['equal values', { a: [1, null, 'x'] }, { a: [1, null, 'x'] }],
  ['any value', { '!any': '' }, null],
  ['a number', { '!number': '' }, 1.5],
  ['a pattern', { '!text': '^ab' }, 'abc'],
  ['a known id', { '!id': 'known' }, ID],
  ['a new id, twice', [{ '!id': 'new' }, { '!id': 'new' }], [OTHER_ID, OTHER_ID]],
  ['some members', { '!including': { a: 1 } }, { a: 1, b: 2 }],
  ['any order', { '!unordered': [1, 1, 2] }, [1, 2, 1]],
  ['so many texts', { '!distinct': '2' }, ['a', 'b']],
  ['no value', nothing, nothing],
  ['an own __proto__', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
])('%s match', (_, expected, actual) => {
  expect(differences(expected, actual, rule())).toEqual([]);
});

test.each([
  ['another value', { a: 1 }, { a: 2 }, '/a: expected 1, got 2'],
  ['one member more', { a: 1 }, { a: 1, b: 2 }, '/b: is there, and is 2'],
  ['one member less', { a: 1 }, {}, '/a: expected 1, got nothing at all'],
  ['a missing one that may be anything', { a: { '!any': '' } }, {}, '/a: is missing'],
  ['a list of another length', [1], [1, 2], 'it: expected [1], got [1,2]'],
  ['an object in place of a list', [], {}, 'it: expected [], got {}'],
  ['one id for two names', { '!id': 'known' }, OTHER_ID, `it: expected "${ID} (known)", got "${OTHER_ID}"`],
  ['what is no id', { '!id': 'new' }, 'x', 'it: expected "an id", got "x"'],
  ['one element too often', { '!unordered': [1, 2] }, [1, 1], 'it (in any order): expected [2], got [1]'],
  ['one text twice', { '!distinct': 2 }, ['a', 'a'], 'it: expected "2 different ones", got ["a","a"]'],
  ['null in place of no value', nothing, null, 'it: expected "nothing", got null'],
  ['no value in place of null', null, nothing, 'it: expected null, got {"!value":"nothing"}'],
  ['an inherited member', { constructor: 1 }, {}, '/constructor: expected 1, got nothing at all'],
])('%s differs', (_, expected, actual, difference) => {
  const found = differences(expected, actual, rule());
  expect(found.map((line) => line.replace(/^: /, 'it: '))).toEqual([difference]);
});

test('a language that cannot tell no value from null has either, and leaves members out', () => {
  const lenient = { ...rule(), knowsNothing: false };
  expect(differences([null, nothing, { a: null }], [nothing, null, {}], lenient)).toEqual([]);
  expect(differences({}, { a: null }, lenient)).toEqual([]);
  expect(differences({}, { a: 0 }, lenient)).toHaveLength(1);
});

test('an error is compared on every level by what is expected of it alone', () => {
  const error = {
    type: 'A',
    message: 'm',
    cause: { type: 'B', message: 'n', details: { path: '/a', more: 1 } },
  };
  expect(errorDifferences({ cause: { type: 'B', details: { path: '/a' } } }, error, rule())).toEqual([]);
  expect(errorDifferences({ type: 'A', cause: { type: 'C' } }, error, rule())).toEqual([
    'error/cause/type: expected "C", got "B"',
  ]);
});

test('names are replaced by their ids', () => {
  expect(fillIn({ a: [{ '!id': 'known' }] }, rule().names)).toEqual({ a: [ID] });
  expect(() => fillIn({ '!id': 'nobody' }, rule().names)).toThrow('nothing is called "nobody" yet');
});
