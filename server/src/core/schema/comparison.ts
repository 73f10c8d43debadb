import type { JsonObject, JsonValue } from '../json.js';
import { accepts } from './accepts.js';
import { fillsSafely } from './defaults.js';
import { type Facts, factsOf, groupsOf, isMentioned, kindsOf, namedValues } from './facts.js';
import { Findings, type SchemaFinding, shown } from './findings.js';
import { KEYWORD_RULES } from './keyword-rules.js';
import { noteLoosened } from './loosened.js';
import { isSame } from './same.js';
import {
  ANNOTATIONS,
  isSchema,
  keyword,
  openSchema,
  type Schema,
  type SchemaDocument,
  type SchemaPart,
} from './schema-document.js';

/** How two versions of a schema differ. */
export interface SchemaComparison {
  /** The worst of the findings; `compatible` without any. */
  readonly compatibility: SchemaFinding['compatibility'];
  /** The first 100, the worst first. */
  readonly findings: readonly SchemaFinding[];
  /** How many more there are. */
  readonly omitted: number;
}

/** Parts that one comparison looks at, and values that it tries. */
const STEPS_MAX = 20_000;

/** Values of an `enum` that are tried one by one. */
const VALUES_MAX = 1_000;

/**
 * Compares two schemas: does whatever fits `before` fit `after`, once missing members that have a default are filled in?
 * Every keyword of `after` has to follow from what is known of a value that fits `before`; what does not follow is breaking
 * or, where telling takes more than is done here, unknown. One thing is taken for granted: no value holds a member that
 * `before` says nothing about and `after` names.
 */
export function compareSchemas(before: JsonObject, after: JsonObject): SchemaComparison {
  return new Comparer(openSchema(before), openSchema(after)).compare();
}

/** What is known of a value, and the part of the newer schema that it should fit. */
interface Place {
  readonly facts: Facts;
  readonly way: Way;
}

/** How the comparison got to a place. */
export interface Way {
  /** How far inside the whole value: what refers to itself has to get on. */
  readonly depth: number;
  /** Whether missing members with a default are filled in here; see `withDefaults`. */
  readonly isFilled: boolean;
}

/** One comparison: what the rules of keywords work with. */
export class Comparer {
  readonly before: SchemaDocument;
  readonly after: SchemaDocument;
  private readonly fuel = { left: STEPS_MAX };
  private readonly underWay = new Map<JsonObject, Place[]>();
  /** What was compared with its findings reported. */
  private readonly done = new Map<JsonObject, Place[]>();
  /** Facts without what was told apart, by the fact; and the other way round. */
  private readonly rests = new Map<JsonObject, JsonObject>();
  private readonly origins = new Map<JsonObject, JsonObject>();

  constructor(before: SchemaDocument, after: SchemaDocument) {
    this.before = before;
    this.after = after;
  }

  compare(): SchemaComparison {
    const findings = new Findings();
    const facts = factsOf(this.before, [this.before.root]);
    this.part(facts, { schema: this.after.root, pointer: '' }, findings, { depth: 0, isFilled: true });
    if (findings.needsDefaults && !fillsSafely(this.after)) findings.doubtDefaults();
    return findings.summary();
  }

  /** Compares what is known of values with one part of the newer schema. */
  part(facts: Facts, { schema, pointer }: SchemaPart, findings: Findings, way: Way): void {
    this.fuel.left -= 1 + facts.length;
    if (this.fuel.left < 0) {
      findings.add('unknown', '', '', 'the schemas are too large to be compared whole');
      return;
    }
    if (schema === true || this.allowsNothing(facts)) return;
    if (schema === false) {
      findings.add('breaking', pointer, '', 'nothing is allowed here any more');
      return;
    }
    const outer = placeIn(this.underWay, schema, { facts, way });
    // Only what was reached inside the value may count on what is still being compared.
    if (outer?.way.depth === way.depth) findings.add('unknown', pointer, '$ref', 'it refers to itself');
    if (outer || (findings.isReport && placeIn(this.done, schema, { facts, way }))) return;
    const places = listIn(this.underWay, schema);
    places.push({ facts, way });
    this.node(facts, schema, pointer, findings, way);
    places.pop();
    if (findings.isReport) listIn(this.done, schema).push({ facts, way });
  }

  /** Whether everything that the facts allow fits a part of the newer schema. Reports nothing. */
  fits(facts: Facts, part: SchemaPart, findings: Findings, way: Way): boolean {
    const attempt = new Findings({ isReport: false });
    this.part(facts, part, attempt, way);
    if (attempt.summary().compatibility !== 'compatible') return false;
    findings.needsDefaults ||= attempt.needsDefaults;
    return true;
  }

  /** Whether a value fits a part of the newer schema; undefined if that cannot be told. */
  accepts(schema: Schema, value: JsonValue): boolean | undefined {
    return accepts(this.after, schema, value, this.fuel);
  }

  /**
   * Facts of which each value has at least one, as the first `anyOf` or `oneOf` tells them apart, else its kind.
   * Undefined if there is nothing left to tell apart.
   */
  cases(facts: Facts): readonly Facts[] | undefined {
    for (const fact of facts) {
      for (const name of ['anyOf', 'oneOf']) {
        const branches = keyword(fact, name);
        if (!Array.isArray(branches)) continue;
        const others = facts.map((each) => (each === fact ? this.without(fact, name) : each));
        return branches
          .filter((each) => isSchema(each))
          .map((branch) => [...new Set([...others, ...factsOf(this.before, [branch])])]);
      }
    }
    const groups = groupsOf(kindsOf(this.before, facts));
    return groups.length > 1 ? groups.map((group) => [...facts, group]) : undefined;
  }

  /** Whether some keywords together, which are not taken apart, mean what one of the facts says with them. */
  isUnchanged(facts: Facts, node: JsonObject, names: readonly string[]): boolean {
    return facts.some((fact) =>
      names.every((name) => {
        const [a, b] = [keyword(fact, name), keyword(node, name)];
        if (a === undefined || b === undefined) return a === b;
        return isSame(this.before, this.after, name, a, b);
      }),
    );
  }

  /** Whether the facts leave no value at all. */
  allowsNothing(facts: Facts): boolean {
    return facts.length > 0 && kindsOf(this.before, facts).size === 0;
  }

  /** Whether the older schema says anything of a member of this name, in whatever branch of it. */
  mentions(facts: Facts, name: string): boolean {
    return isMentioned(
      this.before,
      facts.map((fact) => this.origins.get(fact) ?? fact),
      name,
    );
  }

  /** A fact without a keyword of which the cases are told apart; always the same object. */
  private without(fact: JsonObject, name: string): JsonObject {
    const known = this.rests.get(fact);
    if (known) return known;
    const { [name]: _, ...rest } = fact;
    this.rests.set(fact, rest);
    this.origins.set(rest, this.origins.get(fact) ?? fact);
    return rest;
  }

  private node(facts: Facts, node: JsonObject, pointer: string, findings: Findings, way: Way): void {
    const values = this.valuesOf(facts);
    if (values) this.values(values, node, pointer, findings);
    else {
      const place = { comparer: this, facts, node, pointer, findings, way };
      for (const name of Object.keys(node)) {
        if (!ANNOTATIONS.has(name)) KEYWORD_RULES.get(name)?.(place, name);
      }
    }
    if (findings.isReport && facts[0]) noteLoosened(facts[0], node, pointer, findings);
  }

  /** All values that the facts allow, if they are few; those that other facts refuse are left out. */
  private valuesOf(facts: Facts): readonly JsonValue[] | undefined {
    const values = facts.flatMap((fact) => [namedValues(fact) ?? []].filter(({ length }) => length > 0))[0];
    const kinds = kindsOf(this.before, facts);
    const few = [null, true, false].filter((value) => kinds.has(value === null ? 'null' : 'boolean'));
    const isFew = [...kinds].every((kind) => kind === 'null' || kind === 'boolean');
    const all = values ?? (isFew ? few : undefined);
    if (!all || all.length > VALUES_MAX) return undefined;
    const isRefused = (value: JsonValue) =>
      facts.some((fact) => accepts(this.before, fact, value, this.fuel) === false);
    return all.filter((value) => !isRefused(value));
  }

  private values(values: readonly JsonValue[], node: JsonObject, pointer: string, findings: Findings): void {
    const answers = values.map((value) => ({ value, answer: this.accepts(node, value) }));
    const refused = answers.flatMap(({ value, answer }) => (answer === false ? [value] : []));
    const name = ['enum', 'const', 'type'].find((each) => keyword(node, each) !== undefined) ?? '';
    if (refused.length > 0)
      findings.add('breaking', pointer, name, `not allowed any more: ${shown(refused).slice(1, -1)}`);
    if (answers.some(({ answer }) => answer === undefined))
      findings.add(
        'unknown',
        pointer,
        name,
        'it cannot be told whether the values that were allowed still are',
      );
  }
}

/** The place where the same facts were compared with the same part. */
function placeIn(
  places: Map<JsonObject, Place[]>,
  node: JsonObject,
  { facts, way }: Place,
): Place | undefined {
  return places
    .get(node)
    ?.find(
      (place) =>
        place.way.isFilled === way.isFilled &&
        place.facts.length === facts.length &&
        place.facts.every((fact, index) => fact === facts[index]),
    );
}

function listIn(places: Map<JsonObject, Place[]>, node: JsonObject): Place[] {
  const known = places.get(node) ?? [];
  places.set(node, known);
  return known;
}
