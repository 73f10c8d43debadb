import { isJsonObject, type JsonValue } from '../json.js';
import { pointerSegment } from '../json-pointer.js';
import type { Way } from './comparison.js';
import { defaultOf } from './defaults.js';
import {
  factsOf,
  factsOfItem,
  factsOfMember,
  factsOfOthers,
  namesOf,
  prefixLength,
  requiredNames,
  stated,
} from './facts.js';
import { Findings, shown } from './findings.js';
import type { KeywordRule, RulePlace } from './keyword-rules.js';
import { allows, sizeOf } from './scalar-rules.js';
import { heldBy, isSchema, keyword, type Schema } from './schema-document.js';

/** Keywords that look at the members of an object or the items of an array. */
export const STRUCTURE_RULES: readonly (readonly [string, KeywordRule])[] = [
  ['required', required],
  ['properties', properties],
  ['patternProperties', patternProperties],
  ['additionalProperties', additionalProperties],
  ['propertyNames', propertyNames],
  ['prefixItems', prefixItems],
  ['items', items],
  ['uniqueItems', uniqueItems],
];

function required(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const names = keyword(node, 'required');
  if (!allows(place, 'object') || !Array.isArray(names)) return;
  const known = requiredNames(facts);
  for (const name of names.filter((each) => !known.has(each)).map(String)) {
    const value = defaultOf(comparer.after, node, name);
    const properties = keyword(node, 'properties');
    const schema = isJsonObject(properties) ? keyword(properties, name) : undefined;
    if (value === undefined) {
      findings.add('breaking', pointer, 'required', `"${name}" is required now, and has no default`);
    } else if (!way.isFilled) {
      findings.add(
        'unknown',
        pointer,
        'required',
        `"${name}" is required now, and may not be filled in here`,
      );
    } else if (isSchema(schema) && comparer.accepts(schema, value) === true) {
      findings.addDefault(
        pointer,
        'required',
        `"${name}" is required now, and is ${shown(value)} by default`,
      );
    } else {
      findings.add('unknown', pointer, 'required', `"${name}" is required now, and its default may not fit`);
    }
  }
}

function properties(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const map = keyword(node, 'properties');
  if (!allows(place, 'object') || !isJsonObject(map)) return;
  for (const [name, schema] of Object.entries(map)) {
    if (!isSchema(schema)) continue;
    const at = `${pointer}/properties${pointerSegment(name)}`;
    const known = factsOfMember(comparer.before, facts, name);
    if (namesOf(facts).has(name)) comparer.part(known, { schema, pointer: at }, findings, inside(way, true));
    else if (comparer.mentions(facts, name)) {
      if (comparer.allowsNothing(known)) findings.add('compatible', at, 'properties', `"${name}" is new`);
      else asUnknown(place, (inner) => comparer.part(known, { schema, pointer: at }, inner, inside(way)));
    } else findings.add('compatible', at, 'properties', `"${name}" is new`);
  }
}

function patternProperties(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const map = keyword(node, 'patternProperties');
  if (!allows(place, 'object') || !isJsonObject(map)) return;
  for (const [pattern, schema] of Object.entries(map)) {
    if (!isSchema(schema)) continue;
    const at = `${pointer}/patternProperties${pointerSegment(pattern)}`;
    const known = stated(facts, 'patternProperties')
      .flatMap((each) => (isJsonObject(each) ? [keyword(each, pattern)] : []))
      .filter((each) => isSchema(each));
    if (known.length > 0) {
      comparer.part(factsOf(comparer.before, known), { schema, pointer: at }, findings, inside(way));
    } else if (!comparer.fits([], { schema, pointer: at }, findings, inside(way))) {
      const message = `it cannot be told what members have names like ${shown(pattern)}`;
      findings.add('unknown', at, 'patternProperties', message);
    }
  }
}

/** What is said of all members that the newer schema does not name. */
function additionalProperties(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const schema = keyword(node, 'additionalProperties');
  if (!allows(place, 'object') || !isSchema(schema)) return;
  const part = { schema, pointer: `${pointer}/additionalProperties` };
  const named = keyword(node, 'properties');
  const patterns = keyword(node, 'patternProperties');
  for (const name of namesOf(facts)) {
    if (isJsonObject(named) && Object.hasOwn(named, name)) continue;
    const known = factsOfMember(comparer.before, facts, name);
    if (comparer.fits(known, part, findings, inside(way))) continue;
    const at = `${pointer}/properties${pointerSegment(name)}`;
    const message = `"${name}" is not named any more, and members without a name here ${refusal(schema)}`;
    findings.add(patterns === undefined ? 'breaking' : 'unknown', at, 'properties', message);
  }
  for (const [pattern, each] of stated(facts, 'patternProperties').flatMap(entriesOf)) {
    if (isJsonObject(patterns) && Object.hasOwn(patterns, pattern)) continue;
    if (comparer.fits(factsOf(comparer.before, [each]), part, findings, inside(way))) continue;
    const at = `${pointer}/patternProperties${pointerSegment(pattern)}`;
    findings.add(
      'unknown',
      at,
      'patternProperties',
      `members with names like ${shown(pattern)} ${refusal(schema)}`,
    );
  }
  const others = factsOfOthers(comparer.before, facts);
  if (!comparer.fits(others, part, findings, inside(way))) {
    const message = `members that no schema names ${refusal(schema)}`;
    findings.add(patterns === undefined ? 'breaking' : 'unknown', pointer, 'additionalProperties', message);
  }
}

function refusal(schema: Schema): string {
  return schema === false ? 'are not allowed now' : 'must fit a schema now';
}

function propertyNames(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const schema = keyword(node, 'propertyNames');
  if (!allows(place, 'object') || !isSchema(schema)) return;
  const known = factsOf(
    comparer.before,
    stated(facts, 'propertyNames').filter((each) => isSchema(each)),
  );
  const names = [...known, { type: 'string' }];
  const part = { schema, pointer: `${pointer}/propertyNames` };
  if (comparer.fits(names, part, findings, inside(way))) return;
  findings.add(
    'unknown',
    pointer,
    'propertyNames',
    'it cannot be told whether names that were allowed still are',
  );
}

function prefixItems(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const schemas = keyword(node, 'prefixItems');
  if (!allows(place, 'array') || !Array.isArray(schemas)) return;
  const most = sizeOf(facts, 'maxItems');
  for (const [index, schema] of schemas.entries()) {
    if (index >= most || !isSchema(schema)) continue;
    const part = { schema, pointer: `${pointer}/prefixItems/${index}` };
    comparer.part(factsOfItem(comparer.before, facts, index), part, findings, inside(way));
  }
}

/** What is said of all items after those that the newer schema describes one by one. */
function items(place: RulePlace): void {
  const { comparer, facts, node, pointer, findings, way } = place;
  const schema = keyword(node, 'items');
  if (!allows(place, 'array') || !isSchema(schema)) return;
  const first = keyword(node, 'prefixItems');
  const start = Array.isArray(first) ? first.length : 0;
  const end = Math.max(start, prefixLength(facts));
  const most = sizeOf(facts, 'maxItems');
  const part = { schema, pointer: `${pointer}/items` };
  // The last one stands for all that follow.
  for (let index = start; index <= end && index < most; index++) {
    comparer.part(factsOfItem(comparer.before, facts, index), part, findings, inside(way, true));
  }
}

function uniqueItems(place: RulePlace): void {
  const { facts, node, pointer, findings } = place;
  if (keyword(node, 'uniqueItems') !== true || !allows(place, 'array')) return;
  if (stated(facts, 'uniqueItems').includes(true) || sizeOf(facts, 'maxItems') <= 1) return;
  findings.add('breaking', pointer, 'uniqueItems', 'no two items may be equal now');
}

/** One step into the value. Only what `properties` and `items` lead to is filled in. */
function inside({ depth, isFilled }: Way, isFillable = false): Way {
  return { depth: depth + 1, isFilled: isFilled && isFillable };
}

/** What only some values have, if any: then a breaking difference is one that cannot be told. */
function asUnknown({ findings }: RulePlace, compare: (inner: Findings) => void): void {
  const inner = new Findings({ isReport: false });
  compare(inner);
  findings.takeOverAsUnknown(inner);
}

function entriesOf(map: JsonValue): [string, Schema][] {
  if (!isJsonObject(map)) return [];
  return heldBy('patternProperties', map, '').map(({ schema }, index): [string, Schema] => [
    Object.keys(map)[index] ?? '',
    schema,
  ]);
}
