import { Binary } from 'mongodb';
import { fromFieldName, toFieldName } from './field-names.js';

/** The last millisecond that a Date can hold, in the year 275760. */
const DATE_MS_MAX = 8.64e15;

/**
 * A value of a record as BSON can hold it. Records are made of JSON and bytes; only keys need care. Whatever needs none is
 * not copied, and nearly nothing does.
 */
export function toBson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Array.isArray(value) ? toBsonArray(value) : toBsonObject(value as Readonly<Record<string, unknown>>);
}

/**
 * A value as it was before `toBson`, and a time as it was before `toTime`. Changes and keeps what it is given, which the
 * driver made and nobody else has.
 */
export function fromBson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = fromBson(value[index]);
    return value;
  }
  if (value instanceof Date) return value.getTime();
  // A copy: the bytes are a part of all that came with the answer, and would keep that in memory.
  if (value instanceof Binary) return new Uint8Array(value.value());
  return fromBsonObject(value as Record<string, unknown>);
}

/** A time in milliseconds since 1970, readable in mongosh. One that a Date would alter stays a number. */
export function toTime(ms: number): Date | number {
  return Number.isInteger(ms) && Math.abs(ms) <= DATE_MS_MAX ? new Date(ms) : ms;
}

/**
 * A time to find things by, which has to be a Date always: MongoDB never finds a number among Dates. A fraction is rounded
 * up, so that nothing is early.
 */
export function toIndexTime(ms: number): Date {
  return new Date(Math.min(Math.max(Math.ceil(ms), -DATE_MS_MAX), DATE_MS_MAX));
}

/**
 * About how many bytes a value has as JSON text: exact where nothing in a text is escaped, and much cheaper than the text.
 */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value === 'number') return String(value).length;
  if (typeof value !== 'object' || value === null) return 4;
  if (value instanceof Uint8Array) return Math.ceil(value.length / 3) * 4 + 2;
  let bytes = 1;
  if (Array.isArray(value)) {
    for (const item of value) bytes += roughBytes(item) + 1;
  } else {
    for (const key in value) bytes += key.length + 4 + roughBytes((value as Record<string, unknown>)[key]);
  }
  return Math.max(bytes, 2);
}

function toBsonArray(array: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < array.length; index++) {
    const item = toBson(array[index]);
    if (item !== array[index]) copy ??= [...array];
    if (copy) copy[index] = item;
  }
  return copy ?? array;
}

function toBsonObject(object: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const keys = Object.keys(object);
  let copy: Record<string, unknown> | undefined;
  for (const [index, key] of keys.entries()) {
    const name = toFieldName(key);
    const value = toBson(object[key]);
    if (name !== key || value !== object[key]) {
      copy ??= Object.fromEntries(keys.slice(0, index).map((before) => [before, object[before]]));
    }
    if (copy) copy[name] = value;
  }
  return copy ?? object;
}

function fromBsonObject(object: Record<string, unknown>): Record<string, unknown> {
  let hasEscapes = false;
  for (const name in object) {
    hasEscapes ||= name.includes('%');
    object[name] = fromBson(object[name]);
  }
  return hasEscapes ? withKeys(object) : object;
}

/** `__proto__` is an ordinary key of ours; assigning to it would not make one. */
function withKeys(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(object)) {
    const value = object[name];
    Object.defineProperty(copy, fromFieldName(name), {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}
