import { Random } from '../../simulation/random.js';

/** One change of a value; `path` has the names and indexes from that value down to what is changed. */
export interface Change {
  readonly verb: 'set' | 'append' | 'remove';
  readonly path: readonly string[];
  /** Not for `remove`. */
  readonly value?: unknown;
}

/** What a branch's own part of the state is at first. */
export function newOwn(): Record<string, unknown> {
  return { list: [1, { a: [] }, 'x'], object: { deep: { er: {} } } };
}

const VALUES = [null, 0, 'text', [], {}, [1, [2]], { a: { b: [] } }, { __proto__x: [{}] }];
const NAMES = ['a', 'b', '0', '', '__proto__', '$set', 'a.b'];

/**
 * Changes an object or an array somewhere inside: what and where follows from the key and from what is there.
 * @returns the same as data: made one after the other on an equal value, they come to the same.
 */
export function edit(target: Record<string, unknown>, key: string): readonly Change[] {
  const random = new Random([...key].reduce((hash, each) => (hash * 31 + each.charCodeAt(0)) | 0, 7));
  const changes: Change[] = [];
  for (let left = random.between(1, 3); left > 0; left--) {
    const path: string[] = [];
    let container: unknown = target;
    while (random.chance(0.7)) {
      const inside = Object.entries(container as object).filter(
        ([, value]) => typeof value === 'object' && value !== null,
      );
      if (inside.length === 0) break;
      const [name, value] = random.pick(inside);
      path.push(name);
      container = value;
    }
    const value = structuredClone(random.pick(VALUES));
    const change = Array.isArray(container)
      ? editArray(container, { path, value }, random)
      : editObject(container as Record<string, unknown>, { path, value }, random);
    // What is there now may be changed again.
    if (change) changes.push(structuredClone(change));
  }
  return changes;
}

interface Place {
  /** Of the container. */
  readonly path: readonly string[];
  /** What may be put there. */
  readonly value: unknown;
}

function editArray(array: unknown[], { path, value }: Place, random: Random): Change | undefined {
  const at = random.between(0, array.length);
  const element = [...path, `${at}`];
  const roll = random.next();
  if (roll < 0.4) {
    array.push(value);
    return { verb: 'append', path, value };
  }
  if (roll < 0.6) {
    array.splice(at, 0, value);
    return { verb: 'set', path, value: array };
  }
  if (at >= array.length) return undefined;
  if (roll < 0.8) {
    array.splice(at, 1);
    return { verb: 'remove', path: element };
  }
  array[at] = value;
  return { verb: 'set', path: element, value };
}

function editObject(
  object: Record<string, unknown>,
  { path, value }: Place,
  random: Random,
): Change | undefined {
  const name = random.pick(
    random.chance(0.5) && Object.keys(object).length > 0 ? Object.keys(object) : NAMES,
  );
  const member = [...path, name];
  if (!random.chance(0.25)) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    return { verb: 'set', path: member, value };
  }
  if (!Object.hasOwn(object, name)) return undefined;
  Reflect.deleteProperty(object, name);
  return { verb: 'remove', path: member };
}
