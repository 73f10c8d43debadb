/** One segment of a JSON Pointer, escaped (RFC 6901, section 3). */
export function pointerSegment(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The keys and indexes that a JSON Pointer leads through, none for the whole value; undefined if it is no pointer. */
export function pointerSegments(pointer: string): string[] | undefined {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) return undefined;
  const segments = pointer.slice(1).split('/');
  if (!pointer.includes('~')) return segments;
  if (/~(?![01])/.test(pointer)) return undefined;
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
