import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { SchemaChecker } from '../../server/dist/engine/schema-checker.js';
import { digestOf } from '../../server/dist/engine/schema-registry.js';
import { HOSTILE_SCHEMAS } from './hostile-schemas.js';
import type { Asked } from './load-table.js';

const COLUMNS = ['what', 'KiB', 'value KiB', 'ready ms', 'stop ms', 'check ms', 'stop ms', 'outcome'];

/** Checks of a plain schema that are timed together. */
const CHECKS = 200_000;

/** How often the event loop is looked at, in milliseconds; it is late by about as much when nothing happens. */
const RESOLUTION_MS = 1;

/**
 * What schemas cost the server's event loop: how long it stood still at most (stop) while a schema was made ready and while
 * one value was checked by it. The first row is what the machine itself does.
 */
export async function printSchemas({ only }: Asked): Promise<void> {
  const checker = new SchemaChecker();
  await checker.use('warm', '{"type":"string"}');
  console.log(row(COLUMNS));
  const { stopMs } = await watched(() => pause(500));
  console.log(row(['nothing, for 500 ms', '-', '-', '-', stopMs.toFixed(1), '-', '-', '-']));
  if ('plain, 20 fields'.includes(only)) console.log(row(await plainRow(checker)));
  for (const { name, schema, value } of HOSTILE_SCHEMAS) {
    if (name.includes(only)) console.log(row(await hostileRow(checker, name, schema, value)));
  }
  await checker.close();
}

async function plainRow(checker: SchemaChecker): Promise<string[]> {
  const names = Array.from({ length: 20 }, (_, index) => `field${index}`);
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string', maxLength: 100 }]));
  const text = JSON.stringify({ type: 'object', properties, required: names });
  const value = Object.fromEntries(names.map((name) => [name, 'some text']));
  const ready = await watched(() => checker.use(digestOf(text), text));
  const usable = ready.value;
  if ('problem' in usable) throw new Error(usable.problem);
  const started = performance.now();
  for (let time = 0; time < CHECKS; time++) usable.check(value);
  const micros = ((performance.now() - started) / CHECKS) * 1_000;
  const outcome = `${micros.toFixed(2)} µs a check`;
  const size = kibibytes(JSON.stringify(value));
  return ['plain, 20 fields', kibibytes(text), size, ...figures(ready), '-', '-', outcome];
}

async function hostileRow(
  checker: SchemaChecker,
  name: string,
  schema: object,
  value: unknown,
): Promise<string[]> {
  const text = JSON.stringify(schema);
  const ready = await watched(() => checker.use(digestOf(text), text));
  const usable = ready.value;
  const sizes = [kibibytes(text), kibibytes(JSON.stringify(value))];
  if ('problem' in usable) return [name, ...sizes, ...figures(ready), '-', '-', usable.problem.slice(0, 60)];
  const checked = await watched(async () => usable.check(value as never));
  const outcome =
    'issues' in checked.value ? `${checked.value.issues.length} issues` : checked.value.unchecked;
  return [name, ...sizes, ...figures(ready), ...figures(checked), outcome];
}

interface Watched<T> {
  readonly value: T;
  readonly milliseconds: number;
  readonly stopMs: number;
}

/** Does something, and sees how long the event loop stands still meanwhile. */
async function watched<T>(work: () => Promise<T>): Promise<Watched<T>> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // A first look, to count from.
  await pause(10 * RESOLUTION_MS);
  delay.reset();
  const started = performance.now();
  const value = await work();
  const milliseconds = performance.now() - started;
  await pause(10 * RESOLUTION_MS);
  delay.disable();
  return { value, milliseconds, stopMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS) };
}

function figures({ milliseconds, stopMs }: Watched<unknown>): string[] {
  return [milliseconds.toFixed(1), stopMs.toFixed(1)];
}

function kibibytes(text: string): string {
  return (Buffer.byteLength(text) / 1_024).toFixed(0);
}

function row([name = '', ...cells]: readonly string[]): string {
  const outcome = cells.at(-1) ?? '';
  return `${name.padEnd(46)} ${cells
    .slice(0, -1)
    .map((cell) => cell.padStart(9))
    .join(' ')}  ${outcome}`;
}
