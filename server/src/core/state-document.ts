import {
  isJsonObject,
  JSON_DEPTH_MAX,
  type JsonObject,
  type JsonProblem,
  type JsonValue,
  jsonBytes,
  jsonDepth,
  parseJson,
  placeTooDeep,
} from './json.js';
import { pointerSegment, pointerSegments } from './json-pointer.js';
import { STATE_BYTES_MAX } from './limits.js';

/** An execution's state: one JSON object and the size of its text. Never changed in place. */
export interface StateDocument {
  readonly value: JsonObject;
  /** Bytes of the JSON text in UTF-8, kept up to date by each patch without writing the text anew. */
  readonly bytes: number;
}

/** One operation of a JSON Patch (RFC 6902); the others of the RFC can be written with these three. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string };

/** Why a state was refused. `path` is a JSON Pointer. */
export type StateProblem =
  | { readonly kind: 'not_an_object' | 'invalid'; readonly message: string; readonly path: string }
  | { readonly kind: 'too_large'; readonly bytes: number }
  | { readonly kind: 'too_deep'; readonly path: string };

type Outcome<T> = T | { readonly problem: StateProblem };

/** Levels around a value in a patch: the array of operations, and the operation. */
const PATCH_DEPTH = 2;

/** The state of an execution that was given none. */
export const EMPTY_STATE: StateDocument = { value: {}, bytes: 2 };

/** Reads a whole document from its text and checks every limit. */
export function parseState(text: string): Outcome<{ readonly document: StateDocument }> {
  const parsed = parseJson(text);
  if ('problem' in parsed) return refused(parsed.problem);
  if (!isJsonObject(parsed.value)) {
    return { problem: { kind: 'not_an_object', message: 'the state must be a JSON object', path: '' } };
  }
  return checked(parsed.value, jsonBytes(parsed.value));
}

/** Reads a JSON Patch from its text. Paths are not resolved yet. */
export function parsePatch(text: string): Outcome<{ readonly patch: readonly PatchOperation[] }> {
  const parsed = parseJson(text, JSON_DEPTH_MAX + PATCH_DEPTH);
  if ('problem' in parsed) return refused(parsed.problem);
  if (!Array.isArray(parsed.value)) return invalid('a JSON Patch is an array of operations');
  const patch: PatchOperation[] = [];
  for (const [index, item] of parsed.value.entries()) {
    const operation = toOperation(item);
    if (typeof operation === 'string') return invalid(operation, `/${index}`);
    patch.push(operation);
  }
  return { patch };
}

/**
 * Applies a patch and checks every limit. Only the objects and arrays on the way to a change are copied; all else is
 * shared with the document before.
 */
export function applyPatch(
  document: StateDocument,
  patch: readonly PatchOperation[],
): Outcome<{ readonly document: StateDocument }> {
  let value: JsonValue = document.value;
  let bytes = document.bytes;
  for (const operation of patch) {
    const segments = pointerSegments(operation.path);
    if (!segments) return invalid(`"${operation.path}" is no JSON Pointer`, operation.path);
    const levels = JSON_DEPTH_MAX - segments.length;
    if (operation.op !== 'remove' && jsonDepth(operation.value) > levels) {
      const place = placeTooDeep(operation.value, levels) ?? '';
      return { problem: { kind: 'too_deep', path: operation.path + place } };
    }
    const change: Change | string = changeAt(value, segments, 0, operation);
    if (typeof change === 'string') return invalid(`${operation.op}: ${change}`, operation.path);
    value = change.value;
    bytes += change.bytes;
  }
  if (!isJsonObject(value)) {
    return { problem: { kind: 'not_an_object', message: 'the state must stay a JSON object', path: '' } };
  }
  return checked(value, bytes);
}

/** The patch that replaces the whole document. */
export function replaceAll(value: JsonObject): readonly PatchOperation[] {
  return [{ op: 'replace', path: '', value }];
}

function checked(value: JsonObject, bytes: number): Outcome<{ readonly document: StateDocument }> {
  if (bytes > STATE_BYTES_MAX) return { problem: { kind: 'too_large', bytes } };
  return { document: { value, bytes } };
}

function refused({ kind, message, path }: JsonProblem): { readonly problem: StateProblem } {
  return kind === 'depth' ? { problem: { kind: 'too_deep', path } } : invalid(message, path);
}

function invalid(message: string, path = ''): { readonly problem: StateProblem } {
  return { problem: { kind: 'invalid', message, path } };
}

function toOperation(item: JsonValue): PatchOperation | string {
  if (!isJsonObject(item)) return 'an operation is an object';
  const { op, path, value } = item;
  if (typeof path !== 'string') return 'an operation needs a "path"';
  if (op === 'remove') return { op, path };
  if (op !== 'add' && op !== 'replace')
    return `the operation ${JSON.stringify(op)} is not add, remove or replace`;
  if (value === undefined) return `${op} needs a "value"`;
  return { op, path, value };
}

/** A value after a change, and by how many bytes its text grew. */
interface Change {
  readonly value: JsonValue;
  readonly bytes: number;
}

function changeAt(
  target: JsonValue,
  segments: readonly string[],
  level: number,
  operation: PatchOperation,
): Change | string {
  const segment = segments[level];
  if (segment === undefined) return changeWhole(target, operation);
  const isLast = level === segments.length - 1;
  if (Array.isArray(target)) {
    return isLast
      ? changeElement(target, segment, operation)
      : changeInsideElement(target, segments, level, operation);
  }
  if (!isJsonObject(target))
    return `nothing can be inside ${JSON.stringify(target)} at "${at(segments, level)}"`;
  if (isLast) return changeMember(target, segment, operation);
  if (!Object.hasOwn(target, segment)) return `there is no "${at(segments, level + 1)}"`;
  const inner = changeAt(target[segment] as JsonValue, segments, level + 1, operation);
  return typeof inner === 'string'
    ? inner
    : { value: withMember(target, segment, inner.value), bytes: inner.bytes };
}

function changeWhole(target: JsonValue, operation: PatchOperation): Change | string {
  if (operation.op === 'remove') return 'the whole document cannot be removed';
  return { value: operation.value, bytes: jsonBytes(operation.value) - jsonBytes(target) };
}

function changeMember(target: JsonObject, key: string, operation: PatchOperation): Change | string {
  const exists = Object.hasOwn(target, key);
  if (operation.op === 'add' && !exists) {
    const comma = isEmpty(target) ? 0 : 1;
    return {
      value: withMember(target, key, operation.value),
      bytes: jsonBytes(key) + 1 + jsonBytes(operation.value) + comma,
    };
  }
  if (!exists) return `there is no member "${key}"`;
  const before = jsonBytes(target[key] as JsonValue);
  if (operation.op !== 'remove') {
    return { value: withMember(target, key, operation.value), bytes: jsonBytes(operation.value) - before };
  }
  const value = withoutMember(target, key);
  return { value, bytes: -(jsonBytes(key) + 1 + before + (isEmpty(value) ? 0 : 1)) };
}

function changeElement(
  target: readonly JsonValue[],
  segment: string,
  operation: PatchOperation,
): Change | string {
  const index = elementIndex(target, segment, operation.op === 'add');
  if (index === undefined) return `there is no element "${segment}" in an array of ${target.length}`;
  if (operation.op === 'add') {
    const comma = target.length === 0 ? 0 : 1;
    return { value: target.toSpliced(index, 0, operation.value), bytes: jsonBytes(operation.value) + comma };
  }
  const before = jsonBytes(target[index] as JsonValue);
  if (operation.op === 'replace') {
    return { value: target.with(index, operation.value), bytes: jsonBytes(operation.value) - before };
  }
  return { value: target.toSpliced(index, 1), bytes: -(before + (target.length === 1 ? 0 : 1)) };
}

function changeInsideElement(
  target: readonly JsonValue[],
  segments: readonly string[],
  level: number,
  operation: PatchOperation,
): Change | string {
  const index = elementIndex(target, segments[level] as string, false);
  if (index === undefined) return `there is no "${at(segments, level + 1)}"`;
  const inner = changeAt(target[index] as JsonValue, segments, level + 1, operation);
  return typeof inner === 'string' ? inner : { value: target.with(index, inner.value), bytes: inner.bytes };
}

function elementIndex(target: readonly JsonValue[], segment: string, mayAppend: boolean): number | undefined {
  if (segment === '-') return mayAppend ? target.length : undefined;
  if (!/^(0|[1-9][0-9]{0,8})$/.test(segment)) return undefined;
  const index = Number(segment);
  return index < target.length || (mayAppend && index === target.length) ? index : undefined;
}

/** Spread defines own properties, so that `__proto__` stays an ordinary key; assignment would not. */
function withMember(target: JsonObject, key: string, value: JsonValue): JsonObject {
  if (key !== '__proto__') return { ...target, [key]: value };
  return Object.defineProperty({ ...target }, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function withoutMember(target: JsonObject, key: string): JsonObject {
  const copy: Record<string, JsonValue> = { ...target };
  delete copy[key];
  return copy;
}

function isEmpty(target: JsonObject): boolean {
  for (const _ in target) return false;
  return true;
}

function at(segments: readonly string[], count: number): string {
  return segments.slice(0, count).map(pointerSegment).join('');
}
