import { expect, test } from 'vitest';
import { brokenArrows } from './arrows.js';
import { impurities } from './purity.js';
import { type Rule, readSources } from './source.js';

const sources = readSources('.ts');

test('every import follows the arrows', () => {
  expect(brokenArrows(sources)).toEqual([]);
});

test('core uses no clock, randomness, promise or I/O', () => {
  expect(impurities(sources)).toEqual([]);
});

test.each<[path: string, text: string]>([
  ['server/src/core/a.ts', "import { readFile } from 'node:fs';"],
  ['server/src/core/a.ts', "import type { X } from 'zod';"],
  ['server/src/core/a.ts', "import type { Store } from '../store/store.js';"],
  ['server/src/core/a.ts', "export * from '../engine/engine.js';"],
  ['server/src/core/a.ts', "type Y = import('../gen/polos/v1/step_pb.js').Step;"],
  ['server/src/store/store.ts', "import 'pino';"],
  ['server/src/store/store.ts', "import './memory/memory-store.js';"],
  ['server/src/store/memory/a.ts', "import '../embedded/b.js';"],
  ['server/src/store/mongo/a.ts', "import '../../engine/engine.js';"],
  ['server/src/engine/a.ts', "import '../store/memory/memory-store.js';"],
  ['server/src/engine/a.ts', "import '../gen/polos/v1/step_pb.js';"],
  ['server/src/engine/a.ts', "const rpc = await import('../rpc/rpc.js');"],
  ['server/src/engine/a.ts', 'const rpc = await import(name);'],
  ['server/src/rpc/a.ts', "import '../store/store.js';"],
  ['server/src/rpc/a.ts', "import '../main.js';"],
  ['server/src/cli/a.ts', "import '../rpc/a.js';"],
  ['server/src/config.ts', "import './main.js';"],
  ['server/src/main.ts', "import '../../clients/typescript/src/index.js';"],
  ['server/src/main.ts', "import '@polos/sdk';"],
  ['server/src/elsewhere/a.ts', "import '../core/a.js';"],
  ['clients/typescript/src/a.ts', "import '../../../server/src/core/a.js';"],
  ['clients/typescript/src/a.ts', "import '@polos/server/dist/main.js';"],
])('%s may not say %s', (path, text) => {
  expect(offences(brokenArrows, path, text)).toBe(1);
});

test.each<[path: string, text: string]>([
  ['server/src/core/a.ts', "import { b } from './b.js';"],
  ['server/src/core/a.test.ts', "import fc from 'fast-check';"],
  ['server/src/store/memory/a.ts', "import type { Store } from '../store.js'; import 'node:fs';"],
  ['server/src/engine/a.ts', "import '../core/a.js'; import '../store/store.js'; import 'pino';"],
  ['server/src/rpc/a.ts', "import '../engine/engine.js'; import '../gen/polos/v1/step_pb.js';"],
  ['server/src/cli/main.ts', "import '../main.js'; import 'commander';"],
  ['server/src/main.ts', "import './store/embedded/a.js'; import './rpc/a.js';"],
  ['clients/typescript/src/a.ts', "import './gen/polos/v1/step_pb.js'; import './b/c.js'; import 'zod';"],
])('%s may say %s', (path, text) => {
  expect(brokenArrows([{ path, text }])).toEqual([]);
});

test.each([
  'const a = Date.now();',
  'const a = new Date(0);',
  'const a = Math.random();',
  'const { random } = Math;',
  'const a = performance.now();',
  'const a = process.env;',
  'setTimeout(() => {}, 1);',
  'setImmediate(f);',
  'queueMicrotask(f);',
  'function f(): Promise<void> {}',
  'async function f() {}',
  'const f = async () => {};',
  'const a = await f;',
  'for await (const a of b) {}',
  "console.log('a');",
  'const a = crypto.randomUUID();',
  "const a = fetch('b');",
  "const a = globalThis['Date'];",
  'const a = import.meta.url;',
  'const a = { process };',
])('core may not say %s', (text) => {
  expect(offences(impurities, 'server/src/core/a.ts', text)).toBeGreaterThan(0);
  expect(offences(impurities, 'server/src/core/a.test.ts', text)).toBe(0);
});

test.each([
  '/** A Promise of Date, by Math.random. */ const a = 1;',
  "const a = 'await process';",
  'const a = Math.max(1, 2);',
  'interface A { readonly process: number; fetch(): void }',
  'const a = { process: 1, console: b.console };',
])('core may say %s', (text) => {
  expect(offences(impurities, 'server/src/core/a.ts', text)).toBe(0);
});

function offences(rule: Rule, path: string, text: string): number {
  return rule([{ path, text }]).length;
}
