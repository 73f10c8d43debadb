const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What a scenario's names stand for: executions and schedules by id. Matching adds those that it meets first. */
export type Names = Map<string, string>;

/** How values are compared. */
export interface MatchRule {
  readonly names: Names;
  /** False for a language that cannot tell "no value" from null. */
  readonly knowsNothing: boolean;
}

/**
 * Compares a value with an expected one, in which these stand for more than themselves: `!any` for whatever is there, `!number`,
 * `!text PATTERN`, `!id NAME` for a UUID (the same for the same name), `!value nothing`, `!including {..}` for an object that has more
 * members, `!unordered [..]` for a list in any order, `!distinct N` for a list of so many different texts.
 * @returns the places that differ, one a line; empty if none does.
 */
export function differences(expected: unknown, actual: unknown, rule: MatchRule, place = ''): string[] {
  if (!rule.knowsNothing && isNothing(expected) && isNothing(actual)) return [];
  const special = specialOf(expected);
  if (special !== undefined) return matchSpecial(special, actual, rule, place);
  if (Array.isArray(expected)) return matchLists(expected, actual, rule, place);
  if (typeof expected === 'object' && expected !== null) {
    return matchObjects(expected as Record<string, unknown>, actual, { rule, place, isWhole: true });
  }
  return Object.is(expected, actual) ? [] : [differs(place, expected, actual)];
}

/** An error is compared by what is expected of it alone: languages may say more. */
export function errorDifferences(expected: unknown, actual: unknown, rule: MatchRule): string[] {
  return differences(partially(expected), actual, rule, 'error');
}

/** Replaces `!id NAME` by the id. */
export function fillIn(value: unknown, names: Names): unknown {
  const special = specialOf(value);
  if (special?.tag === '!id') {
    const id = names.get(String(special.value));
    if (id === undefined) throw new Error(`nothing is called "${String(special.value)}" yet`);
    return id;
  }
  if (Array.isArray(value)) return value.map((element) => fillIn(element, names));
  if (typeof value !== 'object' || value === null) return value;
  const filled = {};
  for (const [key, member] of Object.entries(value)) {
    const own = { value: fillIn(member, names), enumerable: true, configurable: true, writable: true };
    Object.defineProperty(filled, key, own);
  }
  return filled;
}

interface Special {
  readonly tag: string;
  readonly value: unknown;
}

function specialOf(value: unknown): Special | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const [[tag, inner] = ['', undefined], ...others] = Object.entries(value);
  return others.length === 0 && tag.startsWith('!') ? { tag, value: inner } : undefined;
}

/** What a language that cannot tell them apart has in place of each other. */
function isNothing(value: unknown): boolean {
  return value === null || value === undefined || specialOf(value)?.value === 'nothing';
}

function partially(expected: unknown): unknown {
  if (Array.isArray(expected)) return expected.map(partially);
  if (typeof expected !== 'object' || expected === null || specialOf(expected) !== undefined) return expected;
  const members = Object.entries(expected).map(([name, member]) => [name, partially(member)]);
  return { '!including': Object.fromEntries(members) };
}

function matchSpecial({ tag, value }: Special, actual: unknown, rule: MatchRule, place: string): string[] {
  switch (tag) {
    case '!any':
      return actual === undefined ? [`${place}: is missing`] : [];
    case '!number':
      return typeof actual === 'number' ? [] : [differs(place, tag, actual)];
    case '!text':
      return typeof actual === 'string' && new RegExp(String(value)).test(actual)
        ? []
        : [differs(place, value, actual)];
    case '!id':
      return matchId(String(value), actual, rule, place);
    case '!value':
      return value === 'nothing' && specialOf(actual)?.tag === '!value'
        ? []
        : [differs(place, value, actual)];
    case '!distinct':
      return matchDistinct(Number(value), actual, place);
    case '!including':
      return matchObjects(value as Record<string, unknown>, actual, { rule, place, isWhole: false });
    case '!unordered':
      return matchUnordered(value as unknown[], actual, rule, place);
    default:
      return [`${place}: ${tag} says nothing about what is expected`];
  }
}

function matchId(name: string, actual: unknown, { names }: MatchRule, place: string): string[] {
  if (typeof actual !== 'string' || !UUID.test(actual)) return [differs(place, 'an id', actual)];
  const known = names.get(name);
  if (known === undefined) names.set(name, actual);
  return known === undefined || known === actual ? [] : [differs(place, `${known} (${name})`, actual)];
}

function matchLists(expected: unknown[], actual: unknown, rule: MatchRule, place: string): string[] {
  if (!Array.isArray(actual)) return [differs(place, expected, actual)];
  if (actual.length !== expected.length) return [differs(place, expected, actual)];
  return expected.flatMap((element, index) => differences(element, actual[index], rule, `${place}/${index}`));
}

function matchUnordered(expected: unknown[], actual: unknown, rule: MatchRule, place: string): string[] {
  if (!Array.isArray(actual)) return [differs(place, expected, actual)];
  const left = [...actual];
  const missing = expected.filter((element) => {
    const index = left.findIndex((each) => differences(element, each, rule).length === 0);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  return missing.length + left.length === 0
    ? []
    : [differs(`${place === '' ? 'it' : place} (in any order)`, missing, left)];
}

function matchDistinct(count: number, actual: unknown, place: string): string[] {
  const isSo = Array.isArray(actual) && actual.length === count && new Set(actual).size === count;
  return isSo ? [] : [differs(place, `${count} different ones`, actual)];
}

function matchObjects(
  expected: Record<string, unknown>,
  actual: unknown,
  { rule, place, isWhole }: { readonly rule: MatchRule; readonly place: string; readonly isWhole: boolean },
): string[] {
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) {
    return [differs(place, expected, actual)];
  }
  const found = actual as Record<string, unknown>;
  const wrong = Object.keys(expected).flatMap((name) => {
    const member = Object.hasOwn(found, name) ? found[name] : undefined;
    return differences(expected[name], member, rule, `${place}/${name}`);
  });
  const extra = Object.keys(found).filter((name) => {
    const isMeaningless = !rule.knowsNothing && isNothing(found[name]);
    return isWhole && !isMeaningless && !Object.hasOwn(expected, name);
  });
  return [...wrong, ...extra.map((name) => `${place}/${name}: is there, and is ${shortened(found[name])}`)];
}

function differs(place: string, expected: unknown, actual: unknown): string {
  return `${place === '' ? 'it' : place}: expected ${shortened(expected)}, got ${shortened(actual)}`;
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing at all';
  return text.length > 1_000 ? `${text.slice(0, 1_000)}... (${text.length} characters)` : text;
}
