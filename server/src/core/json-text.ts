import type { JsonProblem } from './json.js';
import { pointerSegment } from './json-pointer.js';

/** Members of all objects in a JSON text, repeated names counted each time: the colons outside strings. */
export function countMembers(text: string): number {
  let members = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0x22) {
      index = endOfString(text, index);
    } else if (unit === 0x3a) {
      members += 1;
    }
  }
  return members;
}

/**
 * Finds what a JSON text says and its value does not: a name that an object has twice, and an integer of so many digits that
 * `JSON.stringify` would write it with an exponent, which makes it a floating-point number in other languages.
 * @param text  JSON that was parsed, and is nested no deeper than is allowed.
 */
export function inspectText(text: string): JsonProblem | undefined {
  return inspectValue(text, 0, '').problem;
}

/** What was found in a part of a text, and where that ends. */
interface Found {
  readonly end: number;
  readonly problem?: JsonProblem;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /[^ \t\n\r,\]}]+/y;
const LONG_INTEGER = /^-?[0-9]{22,}$/;

function inspectValue(text: string, start: number, path: string): Found {
  const at = afterSpace(text, start);
  switch (text.charAt(at)) {
    case '{':
      return inspectMembers(text, at + 1, path);
    case '[':
      return inspectElements(text, at + 1, path);
    case '"':
      return { end: endOfString(text, at) + 1 };
    default:
      return inspectScalar(text, at, path);
  }
}

function inspectMembers(text: string, start: number, path: string): Found {
  const names = new Set<string>();
  let at = afterSpace(text, start);
  while (text.charAt(at) === '"') {
    const end = endOfString(text, at) + 1;
    const name: string = JSON.parse(text.slice(at, end));
    const place = path + pointerSegment(name);
    if (names.has(name)) {
      const message = 'an object has the same member name twice';
      return { end, problem: { kind: 'lossy', message, path: place } };
    }
    names.add(name);
    const found = inspectValue(text, afterSpace(text, end) + 1, place);
    if (found.problem) return found;
    at = afterComma(text, found.end);
  }
  return { end: at + 1 };
}

function inspectElements(text: string, start: number, path: string): Found {
  let at = afterSpace(text, start);
  for (let index = 0; text.charAt(at) !== ']'; index++) {
    const found = inspectValue(text, at, path + pointerSegment(index));
    if (found.problem) return found;
    at = afterComma(text, found.end);
  }
  return { end: at + 1 };
}

function inspectScalar(text: string, at: number, path: string): Found {
  SCALAR.lastIndex = at;
  const [scalar = ''] = SCALAR.exec(text) ?? [];
  const end = at + scalar.length;
  if (!LONG_INTEGER.test(scalar)) return { end };
  const shown = scalar.length > 40 ? `${scalar.slice(0, 40)}..` : scalar;
  const message = `the integer ${shown} is outside ±(2^53-1) and would lose digits; send it as a string`;
  return { end, problem: { kind: 'lossy', message, path } };
}

function afterSpace(text: string, start: number): number {
  SPACE.lastIndex = start;
  SPACE.exec(text);
  return SPACE.lastIndex;
}

function afterComma(text: string, start: number): number {
  const at = afterSpace(text, start);
  return text.charAt(at) === ',' ? afterSpace(text, at + 1) : at;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}
