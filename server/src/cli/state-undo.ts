import { isDeepStrictEqual } from 'node:util';

/** One operation of a JSON Patch. */
export interface Operation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * What leads from one state document to another, as a JSON Patch: members of objects one by one, arrays as wholes, so that
 * it means the same in any document that holds the same at those places.
 */
export function patchBetween(from: Members, to: Members, path = ''): Operation[] {
  const gone = Object.keys(from).filter((name) => !Object.hasOwn(to, name));
  const removals = gone.map((name) => ({ op: 'remove' as const, path: inside(path, name) }));
  const changes = Object.entries(to).flatMap(([name, value]): Operation[] => {
    const place = inside(path, name);
    if (!Object.hasOwn(from, name)) return [{ op: 'add', path: place, value }];
    const before = from[name];
    if (isObject(before) && isObject(value)) return patchBetween(before, value, place);
    return isDeepStrictEqual(before, value) ? [] : [{ op: 'replace', path: place, value }];
  });
  return [...removals, ...changes];
}

/** The first place that operations name at which two documents differ; undefined if there is none. */
export function firstDifference(
  operations: readonly Operation[],
  a: Members,
  b: Members,
): string | undefined {
  return operations.find(({ path }) => !isDeepStrictEqual(valueAt(a, path), valueAt(b, path)))?.path;
}

function valueAt(document: unknown, path: string): unknown {
  const segments = path.split('/').slice(1);
  return segments.reduce<unknown>((value, segment) => {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, document);
}

function inside(path: string, name: string): string {
  return `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
