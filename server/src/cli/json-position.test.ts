import { expect, test } from 'vitest';
import { findJsonFault } from './json-position.js';

test.each([
  ['', 1, 1, 'the end'],
  ['{"a":1', 1, 7, 'the end'],
  ['{"a": x}', 1, 7, '"x"'],
  ['{"a":1,}', 1, 8, '"}"'],
  ['[1,2,]', 1, 6, '"]"'],
  ['[1 2]', 1, 4, '"2"'],
  ['{a:1}', 1, 2, '"a"'],
  ["{'a':1}", 1, 2, '"\'"'],
  ['{"a" 1}', 1, 6, '"1"'],
  ['{"a":1}}', 1, 8, '"}"'],
  ['[1}', 1, 3, '"}"'],
  ['01', 1, 2, '"1"'],
  ['-', 1, 1, '"-"'],
  ['NaN', 1, 1, '"N"'],
  ['tru', 1, 1, '"t"'],
  ['"a\\x"', 1, 3, '"\\"'],
  ['"a\nb"', 1, 3, '"\n"'],
  ['{\n  "a": [\n    1,\n    2,\n  ]\n}', 5, 3, '"]"'],
  ['"😀" 😀', 1, 6, '"😀"'],
])('%j stops being JSON at line %i, column %i', (text, line, column, found) => {
  expect(findJsonFault(text)).toMatchObject({ line, column, found });
});

test.each([
  'null',
  ' [ ] ',
  '{}',
  '-0.5e+10',
  '"\\u0041\\n/"',
  '{"a":[1,{"b":[]},"x"],"":{}}\n',
  '['.repeat(100_000) + ']'.repeat(100_000),
])('what is JSON has no fault', (text) => {
  expect(() => JSON.parse(text)).not.toThrow();
  expect(findJsonFault(text)).toBeUndefined();
});

test('agrees with JSON.parse on every text that differs from JSON in one character', () => {
  const text = '{"a":[1,-2.5e3,true,null,"x\\n"],"b":{}}';
  const replacements = ['', ' ', '"', '}', ']', ',', ':', '0', '-', 'e', '\\', '\u0001'];
  for (let at = 0; at < text.length; at++) {
    for (const replacement of replacements) {
      const changed = text.slice(0, at) + replacement + text.slice(at + 1);
      expect({ changed, fault: findJsonFault(changed) === undefined }).toEqual({
        changed,
        fault: isJson(changed),
      });
    }
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
