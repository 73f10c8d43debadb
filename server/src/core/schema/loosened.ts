import { isJsonObject, type JsonObject, jsonEquals } from '../json.js';
import { pointerSegment } from '../json-pointer.js';
import { type Findings, shown } from './findings.js';
import { ANNOTATIONS, holdsSchemas, keyword } from './schema-document.js';

/** Notes what differs between two versions of a part and is not found to be worse: for those who read the report. */
export function noteLoosened(
  before: JsonObject,
  after: JsonObject,
  pointer: string,
  findings: Findings,
): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (ANNOTATIONS.has(name) || name === '$ref' || holdsSchemas(name)) continue;
    const [a, b] = [keyword(before, name), keyword(after, name)];
    if (a !== undefined && b !== undefined && jsonEquals(a, b)) continue;
    if (findings.has(pointer, name)) continue;
    const message =
      b === undefined ? `${shown(a)} is not asked for any more` : `it was ${shown(a)}, and is ${shown(b)}`;
    findings.add('compatible', pointer, name, message);
  }
  const [older, newer] = [keyword(before, 'properties'), keyword(after, 'properties')];
  if (!isJsonObject(older)) return;
  for (const name of Object.keys(older)) {
    const place = `${pointer}/properties${pointerSegment(name)}`;
    if ((isJsonObject(newer) && Object.hasOwn(newer, name)) || findings.has(place, 'properties')) continue;
    findings.add('compatible', place, 'properties', `"${name}" is gone; values that have it still fit`);
  }
}
