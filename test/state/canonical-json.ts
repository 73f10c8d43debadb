import type { JsonValue } from '../../server/src/core/json.js';

/**
 * The one text of a JSON value that RFC 8785 allows: members by the UTF-16 code units of their names, no white space, and
 * numbers and strings as JavaScript writes them, on which that standard is based. -0 is written as 0.
 */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const object = value as Readonly<Record<string, JsonValue>>;
  // Without a comparison, `sort` compares by code units.
  const names = Object.keys(object).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(object[name])}`).join(',')}}`;
}

/** The same of a JSON text. */
export function canonicalText(text: string): string {
  return canonical(JSON.parse(text));
}
