import { isPlainObject, type JsonObject, type JsonValue, setMember } from './json.js';
import { fromPointer } from './pointer.js';

/** One operation of a JSON Patch (RFC 6902). The others of the RFC can be written with these three. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string };

/**
 * Applies a patch to a document in place, so that references into the document stay valid. The operations' values
 * become part of the document: pass a fresh patch each time.
 * @returns the document: another object only if the patch replaces the whole.
 * @throws RangeError if a path leads nowhere, or the whole would be no object; operations before that one have been applied.
 */
export function applyPatch(document: JsonObject, patch: readonly PatchOperation[]): JsonObject {
  let whole = document;
  for (const operation of patch) {
    if (operation.path === '') whole = wholeOf(operation);
    else applyOperation(whole, operation);
  }
  return whole;
}

function wholeOf(operation: PatchOperation): JsonObject {
  if (operation.op !== 'remove' && isPlainObject(operation.value)) return operation.value;
  throw new RangeError('the whole document must stay an object');
}

/**
 * Applies an operation to a document that may not be as the operation was meant for: a member that it would replace is added,
 * one that it would remove may be gone.
 * @returns false if the place that it names is not there: then nothing has changed.
 */
export function applyIfPossible(document: JsonObject, operation: PatchOperation): boolean {
  const segments = fromPointer(operation.path);
  const member = segments.pop();
  let parent: JsonValue | undefined = document;
  for (const segment of segments) parent = parent === undefined ? undefined : childOf(parent, segment);
  if (operation.op === 'remove' && (parent === undefined || member === undefined)) return true;
  const isObject = typeof parent === 'object' && parent !== null && !Array.isArray(parent);
  const isThere = isObject && Object.hasOwn(parent as JsonObject, member ?? '');
  if (isObject && !isThere && operation.op === 'remove') return true;
  const fitting = isObject && operation.op === 'replace' ? { ...operation, op: 'add' as const } : operation;
  try {
    applyOperation(document, fitting);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function applyOperation(document: JsonObject, operation: PatchOperation): void {
  const segments = fromPointer(operation.path);
  const last = segments.pop() as string;
  let parent: JsonValue = document;
  for (const segment of segments) {
    const inner = childOf(parent, segment);
    if (inner === undefined) throw new RangeError(`nothing is at "${operation.path}"`);
    parent = inner;
  }
  if (Array.isArray(parent)) changeElement(parent, last, operation);
  else if (typeof parent === 'object' && parent !== null) changeMember(parent, last, operation);
  else throw new RangeError(`nothing can be inside a ${typeof parent} at "${operation.path}"`);
}

/** The member or element of a value that a pointer's segment names, or undefined. */
export function childOf(parent: JsonValue, segment: string): JsonValue | undefined {
  if (Array.isArray(parent)) {
    const index = elementIndex(segment);
    return index === undefined ? undefined : parent[index];
  }
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, segment)) return undefined;
  return parent[segment];
}

function changeMember(parent: JsonObject, key: string, operation: PatchOperation): void {
  if (operation.op !== 'add' && !Object.hasOwn(parent, key)) {
    throw new RangeError(`nothing is at "${operation.path}"`);
  }
  if (operation.op === 'remove') delete parent[key];
  else setMember(parent, key, operation.value);
}

function changeElement(parent: JsonValue[], segment: string, operation: PatchOperation): void {
  const isAdd = operation.op === 'add';
  const index = isAdd && segment === '-' ? parent.length : elementIndex(segment);
  if (index === undefined || index > parent.length || (!isAdd && index === parent.length)) {
    throw new RangeError(`nothing is at "${operation.path}"`);
  }
  if (operation.op === 'remove') parent.splice(index, 1);
  else if (operation.op === 'replace') parent[index] = operation.value;
  else if (index === parent.length) parent.push(operation.value);
  else parent.splice(index, 0, operation.value);
}

function elementIndex(segment: string): number | undefined {
  return /^(0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : undefined;
}
