import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { machinePaths, registryHosts } from './leaks.js';
import { readSources, repositoryPaths, root, type Source } from './source.js';

test('no file holds a path of the machine it was written on', () => {
  const texts = repositoryPaths().filter(isText);
  expect(machinePaths(texts.map(read))).toEqual([]);
});

test('no registry is named in lock files or npm settings', () => {
  expect(registryHosts(readSources('package-lock.json', '.npmrc'))).toEqual([]);
});

/** Written as lists, so that this file holds none itself. */
const path = (...parts: readonly string[]) => parts.join('/');

test.each([
  `const a = '${path('', 'root', 'x')}';`,
  `cd ${path('', 'work', 'main')}`,
  `"${path('', 'home', 'someone', 'x')}"`,
  `(${path('', 'Users', 'me', 'x')})`,
  `${'C:'}\\Users\\me`,
])('a machine path is found in %s', (text) => {
  expect(machinePaths([{ path: 'a', text }])).toHaveLength(1);
});

test.each([
  `'${path('..', 'work', 'x')}'`,
  path('https:', '', 'example.org', 'work'),
  path('a', 'root', 'b'),
  '/metrics',
  'line.match(/workflow_finish$/)',
])('no machine path is found in %s', (text) => {
  expect(machinePaths([{ path: 'a', text }])).toEqual([]);
});

test.each([
  `  "resolved": "${['https:', '', 'registry.example', 'a.tgz'].join('/')}",`,
  `registry=${path('https:', '', 'registry.example')}`,
  '@a:registry = b',
])('a registry is found in %s', (text) => {
  expect(registryHosts([{ path: 'a', text }])).toHaveLength(1);
});

test('a link to a workspace is no registry', () => {
  const text = `"resolved": "server",\n"url": "${path('https:', '', 'example.org')}"`;
  expect(registryHosts([{ path: 'a', text }])).toEqual([]);
});

function read(path: string): Source {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** As git decides: a NUL among the first bytes means binary. */
function isText(path: string): boolean {
  return !readFileSync(join(root, path)).subarray(0, 8000).includes(0);
}
