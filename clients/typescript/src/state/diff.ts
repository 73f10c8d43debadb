import {
  assertJson,
  isPlainArray,
  isPlainObject,
  JSON_DEPTH_MAX,
  type JsonObject,
  type JsonValue,
  jsonEquals,
} from './json.js';
import type { PatchOperation } from './patch.js';
import { pointerSegment, toPointer } from './pointer.js';

/**
 * What turns one document into another, as a JSON Patch. Objects are compared member by member; of arrays the equal
 * start and end are skipped, so that an append is one `add` at "/-" per element.
 *
 * One walk does three things: it compares, it checks that JSON can hold what is new, and it touches nothing. The
 * operations refer to values of `current`: write or copy them before anything else runs.
 *
 * @param base a document from `JSON.parse`.
 * @param current the same document later; it may hold anything.
 * @throws JsonRefusal naming the first place of `current` that JSON cannot hold.
 */
export function diff(base: JsonObject, current: unknown): PatchOperation[] {
  const operations: PatchOperation[] = [];
  compare(base, current, [], operations);
  return operations;
}

type Path = (string | number)[];

function compare(base: JsonValue, current: unknown, path: Path, operations: PatchOperation[]): void {
  if (base === current && typeof current !== 'object') return;
  if (typeof current === 'object' && current !== null && path.length < JSON_DEPTH_MAX) {
    if (isPlainArray(current) && Array.isArray(base)) {
      compareArrays(base, current, path, operations);
      return;
    }
    if (isPlainObject(current) && isObject(base) && !hasSymbols(current)) {
      compareObjects(base, current, path, operations);
      return;
    }
  }
  if (base === null && current === null) return;
  assertJson(current, path);
  operations.push({ op: 'replace', path: toPointer(path), value: current });
}

function compareObjects(
  base: JsonObject,
  current: Record<string, unknown>,
  path: Path,
  operations: PatchOperation[],
): void {
  let shared = 0;
  const keys = Object.keys(current);
  for (const key of keys) {
    const value = current[key];
    if (value === undefined) continue;
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    if (before === undefined) {
      add(value, path, key, operations);
      continue;
    }
    shared += 1;
    if (before === value && typeof value !== 'object') continue;
    path.push(key);
    compare(before, value, path, operations);
    path.pop();
  }
  const baseKeys = Object.keys(base);
  if (shared === baseKeys.length) return;
  for (const key of baseKeys) {
    if (!Object.hasOwn(current, key) || current[key] === undefined) {
      operations.push({ op: 'remove', path: toPointer(path) + pointerSegment(key) });
    }
  }
}

function compareArrays(
  base: readonly JsonValue[],
  current: readonly unknown[],
  path: Path,
  operations: PatchOperation[],
): void {
  const shorter = Math.min(base.length, current.length);
  if (base.length === current.length) {
    for (let index = 0; index < shorter; index++) compareElement(base, current, index, path, operations);
    return;
  }
  let start = 0;
  while (start < shorter && jsonEquals(base[start], current[start])) start += 1;
  let end = 0;
  while (
    end < shorter - start &&
    jsonEquals(base[base.length - 1 - end], current[current.length - 1 - end])
  ) {
    end += 1;
  }
  for (let index = start; index < shorter - end; index++) {
    compareElement(base, current, index, path, operations);
  }
  const pointer = toPointer(path);
  for (let index = base.length - end - 1; index >= shorter - end; index--) {
    operations.push({ op: 'remove', path: `${pointer}/${index}` });
  }
  for (let index = shorter - end; index < current.length - end; index++) {
    add(current[index], path, end === 0 ? '-' : index, operations, index);
  }
}

function compareElement(
  base: readonly JsonValue[],
  current: readonly unknown[],
  index: number,
  path: Path,
  operations: PatchOperation[],
): void {
  path.push(index);
  compare(base[index] as JsonValue, current[index], path, operations);
  path.pop();
}

/** @param place where the value really is, if `segment` is "-". */
function add(
  value: unknown,
  path: Path,
  segment: string | number,
  operations: PatchOperation[],
  place: string | number = segment,
): void {
  path.push(place);
  if (typeof place === 'string') assertJson(place, path);
  assertJson(value, path);
  path.pop();
  operations.push({ op: 'add', path: toPointer(path) + pointerSegment(segment), value });
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}
