/** One of the five fields of a cron expression. */
interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names of the values from `from` on. */
  readonly names?: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

const FIELDS = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'day of week', from: 0, to: 7, names: DAYS },
] as const satisfies readonly Field[];

/** What every message about a cron expression ends with. */
const EXAMPLE = 'write five fields like "30 3 * * MON-FRI", which is 3:30 from Monday to Friday';

/** The values that one field of a cron expression allows. */
export interface CronField {
  /** In order, each once; the day of week from 0 for Sunday to 6. */
  readonly values: readonly number[];
  /** Whether it is written `*`: then it restricts nothing. */
  readonly isAny: boolean;
}

/** The five fields: minute, hour, day of month, month, day of week. */
export type CronFields = readonly [CronField, CronField, CronField, CronField, CronField];

/** Thrown for a text that is no cron expression. The message says which field is wrong and shows one that is right. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/**
 * Reads a cron expression: exactly five fields, each a list of `*`, values and ranges, `*` and ranges with a step if
 * wanted. What other dialects have beside that (seconds, `@daily`, `?`, `L`, `W`, `#`) is refused.
 * @throws CronError
 */
export function parseCron(cron: string): CronFields {
  const texts = cron.trim().split(/\s+/);
  if (texts[0]?.startsWith('@')) throw refused(cron, 'names for whole expressions are not known');
  if (texts.length !== FIELDS.length) throw refused(cron, `it has ${fieldCount(cron)}, not five`);
  const fields = FIELDS.map((field, place) => parseField(cron, field, texts[place] ?? ''));
  return fields as unknown as CronFields;
}

function fieldCount(cron: string): string {
  const count = cron.split(/\s+/).filter((text) => text !== '').length;
  return count === 1 ? 'one field' : `${count} fields`;
}

function parseField(cron: string, field: Field, text: string): CronField {
  const items = text.split(',').map((item) => parseItem(cron, field, item));
  // Sunday is 0 and 7.
  const isWeek = field.to === 7;
  const values = new Set(items.flatMap(({ values }) => values.map((value) => (isWeek ? value % 7 : value))));
  return { values: [...values].sort((a, b) => a - b), isAny: items.some(({ isAny }) => isAny) };
}

const ITEM = /^(?:\*|([0-9]+|[a-z]+)(?:-([0-9]+|[a-z]+))?)(?:\/([0-9]+))?$/i;

function parseItem(cron: string, field: Field, item: string): CronField {
  const wrong = (why: string) => refused(cron, `its ${field.name}, "${item}", ${why}`);
  const match = ITEM.exec(item);
  if (!match) throw wrong('is no value, range, list, step or *');
  const [, first, last, stepText] = match;
  const read = (text: string, isEnd = false): number => {
    const value = valueIn(field, text, isEnd);
    if (value !== undefined) return value;
    const names = field.names ? `, or ${field.names[0]} to ${field.names.at(-1)}` : '';
    throw wrong(`should be ${field.from} to ${field.to}${names}`);
  };
  if (first !== undefined && last === undefined) {
    const value = read(first);
    if (stepText === undefined) return { values: [value], isAny: false };
    throw wrong(`has a step without a range: write "${first}-${field.to}/${stepText}" or "*/${stepText}"`);
  }
  const from = first === undefined ? field.from : read(first);
  const to = last === undefined ? lastOf(field) : read(last, true);
  if (from > to) throw wrong('is a range that ends before it begins');
  const step = Number(stepText ?? 1);
  const stepMax = lastOf(field) - field.from;
  if (step < 1 || step > stepMax) throw wrong(`has a step that should be 1 to ${stepMax}`);
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return { values, isAny: first === undefined && step === 1 };
}

/** @param isEnd  whether it ends a range: there, Sunday comes after Saturday. */
function valueIn({ names, from, to }: Field, text: string, isEnd: boolean): number | undefined {
  const place = names?.indexOf(text.toUpperCase()) ?? -1;
  if (place === 0 && isEnd && to === 7) return 7;
  if (place >= 0) return from + place;
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}

/** The last value that is not another one written differently. */
function lastOf(field: Field): number {
  return field.to === 7 ? 6 : field.to;
}

function refused(cron: string, why: string): CronError {
  const shown = cron.length > 60 ? `${cron.slice(0, 57)}...` : cron;
  return new CronError(`"${shown}" is no cron expression: ${why}; ${EXAMPLE}`);
}
