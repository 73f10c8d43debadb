/** A place in a JSON value: object keys and array indices from the outside in. */
export type JsonPath = readonly (string | number)[];

/** Writes a place as a JSON Pointer (RFC 6901); the empty string is the whole value. */
export function toPointer(path: JsonPath): string {
  let pointer = '';
  for (const segment of path) pointer += pointerSegment(segment);
  return pointer;
}

/** One segment of a JSON Pointer with its slash, escaped (RFC 6901, section 3). */
export function pointerSegment(key: string | number): string {
  if (typeof key === 'number') return `/${key}`;
  return `/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`;
}

/**
 * Splits a JSON Pointer into its unescaped segments.
 * @throws SyntaxError if it neither is empty nor starts with a slash.
 */
export function fromPointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new SyntaxError(`"${pointer}" is no JSON Pointer`);
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
