import { type JsonPath, toPointer } from './pointer.js';

/** A JSON value as JavaScript holds it: what `JSON.parse` returns. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** A JSON object. Every own key is ordinary, `__proto__` included. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Levels of nesting in any JSON value; a bare scalar has none, `[]` has one. The server refuses more. */
export const JSON_DEPTH_MAX = 64;

/** Values within one value: each takes at least two bytes of text, and no payload holds more than 2 MiB. */
const JSON_NODES_MAX = 1_048_576;

/** Why JSON cannot hold a value without altering it, and where: a JSON Pointer, empty for the whole. */
export class JsonRefusal extends Error {
  override readonly name = 'JsonRefusal';
  readonly reason: string;
  readonly path: string;

  constructor(reason: string, path: JsonPath) {
    const pointer = toPointer(path);
    super(`${pointer === '' ? 'the value' : `"${pointer}"`} ${reason}`);
    this.reason = reason;
    this.path = pointer;
  }
}

/**
 * Writes a value as I-JSON text (RFC 7493). Only what comes back unaltered is accepted: -0 becomes 0 and members that
 * are `undefined` are left out, everything else that JSON would drop or change is refused.
 * @returns the text, or undefined for `undefined`, which stands for "no value".
 * @throws JsonRefusal naming the first place that JSON cannot hold.
 */
export function toJsonText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  assertJson(value);
  return JSON.stringify(value);
}

/**
 * Checks that JSON can hold a value without altering it.
 * @param path where the value is, for messages and for the limit on nesting.
 * @throws JsonRefusal naming the first place that JSON cannot hold.
 */
export function assertJson(value: unknown, path: JsonPath = []): asserts value is JsonValue {
  inspect(value, { path: [...path], nodes: 0 });
}

/** Whether a value is an object written as a literal (or from `JSON.parse`), of any realm, and no array. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  // Object.prototype of another realm (vm, a test runner): the only object without prototype that owns this method.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

/** Whether a value is an ordinary array and no subclass of one. */
export function isPlainArray(value: unknown): value is unknown[] {
  if (!Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || Object.hasOwn(prototype as object, 'copyWithin');
}

/** Sets an own member, also one that is called `__proto__`. */
export function setMember(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/**
 * Deep equality of a JSON value and any other value. Members that are `undefined` count as absent, and what JSON cannot
 * hold equals nothing.
 */
export function jsonEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !isPlainArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!jsonEquals(a[index], b[index])) return false;
    return true;
  }
  if (!isPlainObject(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b;
  let members = 0;
  for (const key of Object.keys(left)) {
    if (left[key] === undefined) continue;
    members += 1;
    if (!Object.hasOwn(right, key) || !jsonEquals(left[key], right[key])) return false;
  }
  for (const key of Object.keys(right)) if (right[key] !== undefined) members -= 1;
  return members === 0;
}

interface Inspection {
  readonly path: (string | number)[];
  nodes: number;
}

function inspect(value: unknown, found: Inspection): void {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) {
        throw new JsonRefusal('is a string with a lone surrogate, which is no Unicode text', found.path);
      }
      return;
    case 'number':
      inspectNumber(value, found);
      return;
    case 'boolean':
      return;
    case 'object':
      if (value !== null) inspectContainer(value, found);
      return;
    case 'undefined':
      throw new JsonRefusal('is undefined, which JSON cannot hold', found.path);
    default:
      throw new JsonRefusal(`is a ${typeof value}, which JSON cannot hold`, found.path);
  }
}

function inspectNumber(value: number, found: Inspection): void {
  if (!Number.isFinite(value)) {
    throw new JsonRefusal(`is ${value}, which JSON cannot hold`, found.path);
  }
  // From 1e21 on, JavaScript writes an exponent, so that all languages read the same double.
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21) {
    const advice =
      'is an integer outside ±(2^53-1), which other languages would read differently; use a string';
    throw new JsonRefusal(advice, found.path);
  }
}

function inspectContainer(value: object, found: Inspection): void {
  if (found.path.length >= JSON_DEPTH_MAX) throw new JsonRefusal(depthReason(value), found.path);
  if (isPlainArray(value)) {
    inspectArray(value, found);
    return;
  }
  if (!isPlainObject(value)) {
    throw new JsonRefusal(`is a ${className(value)}, which JSON would alter; store plain data`, found.path);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw new JsonRefusal('has a member named by a symbol, which JSON would drop', found.path);
  }
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    countNode(found);
    found.path.push(key);
    if (!key.isWellFormed()) {
      throw new JsonRefusal('has a name with a lone surrogate, which is no Unicode text', found.path);
    }
    inspect(member, found);
    found.path.pop();
  }
}

function inspectArray(value: readonly unknown[], found: Inspection): void {
  for (let index = 0; index < value.length; index++) {
    countNode(found);
    found.path.push(index);
    inspect(value[index], found);
    found.path.pop();
  }
}

/** Guards against objects that are small in memory and endless as text: `a = [b, b]; b = [c, c]; ...`. */
function countNode(found: Inspection): void {
  found.nodes += 1;
  if (found.nodes > JSON_NODES_MAX) throw new JsonRefusal('holds more than 1,048,576 values', []);
}

/** Nesting past the limit is a cycle, or just deep: only then is it worth finding out which. */
function depthReason(value: object): string {
  const levels = `nested deeper than ${JSON_DEPTH_MAX} levels`;
  return containsItself(value) ? `is part of a cycle (${levels})` : `is ${levels}`;
}

/** Whether a value can be reached from itself, among the first 10,000 objects met. */
function containsItself(value: object): boolean {
  const seen = new Set<object>();
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined && seen.size < 10_000; next = open.pop()) {
    for (const inner of Object.values(next)) {
      if (inner === value) return true;
      if (typeof inner === 'object' && inner !== null && !seen.has(inner)) {
        seen.add(inner);
        open.push(inner);
      }
    }
  }
  return false;
}

function className(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'object with a prototype of its own';
}
