import { type JsonObject, type JsonValue, jsonEquals } from './json.js';
import { childOf, type PatchOperation } from './patch.js';
import { fromPointer } from './pointer.js';

/**
 * Finds a place that both a step's function and another branch changed, so that applying the step's patch would lose
 * one of the changes.
 *
 * Appending to an array that the others, too, only appended to is no conflict. Inserting into or removing from an array
 * wants the array as it was, because the indices of the patch mean nothing in another one.
 *
 * @param base the document that the step's function started from.
 * @param current the document now.
 * @param patch what the step's function changed in `base`.
 * @returns the JSON Pointer of the first such place, or undefined.
 */
export function findConflict(
  base: JsonObject,
  current: JsonObject,
  patch: readonly PatchOperation[],
): string | undefined {
  return patch.find((operation) => !isUntouched(base, current, operation))?.path;
}

function isUntouched(base: JsonObject, current: JsonObject, operation: PatchOperation): boolean {
  const segments = fromPointer(operation.path);
  const last = segments.pop() ?? '';
  let before: JsonValue | undefined = base;
  let now: JsonValue | undefined = current;
  for (const segment of segments) {
    before = before === undefined ? undefined : childOf(before, segment);
    now = now === undefined ? undefined : childOf(now, segment);
  }
  if (Array.isArray(before)) {
    if (!Array.isArray(now)) return false;
    if (operation.op === 'add' && last === '-') return startsWith(now, before);
    if (operation.op !== 'replace') return jsonEquals(before, now);
  }
  if (before === undefined || typeof now !== 'object' || now === null) return false;
  return jsonEqualsOrAbsent(childOf(before, last), childOf(now, last));
}

function startsWith(now: readonly JsonValue[], before: readonly JsonValue[]): boolean {
  return now.length >= before.length && before.every((element, index) => jsonEquals(element, now[index]));
}

function jsonEqualsOrAbsent(before: JsonValue | undefined, now: JsonValue | undefined): boolean {
  return before === undefined || now === undefined ? before === now : jsonEquals(before, now);
}
