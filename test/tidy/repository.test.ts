import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { machinePaths, registryHosts } from './leaks.js';
import { readSources, repositoryPaths, root, type Source } from './source.js';

test('no file holds a path of the machine it was written on', () => {
  const here = 'test/tidy/repository.test.ts';
  const texts = repositoryPaths().filter((path) => path !== here && isText(path));
  expect(machinePaths(texts.map(read))).toEqual([]);
});

test('no registry is named in lock files or npm settings', () => {
  expect(registryHosts(readSources('package-lock.json', '.npmrc'))).toEqual([]);
});

test.each(["const a = '/root/x';", 'cd /work/main', '"/home/someone/x"', '(/Users/me)', 'C:\\Users\\me'])(
  'a machine path is found in %s',
  (text) => {
    expect(machinePaths([{ path: 'a', text }])).toHaveLength(1);
  },
);

test.each(["'../work/x'", 'https://example.org/work', 'a/root/b', '/metrics'])(
  'no machine path is found in %s',
  (text) => {
    expect(machinePaths([{ path: 'a', text }])).toEqual([]);
  },
);

test.each([
  '  "resolved": "https://registry.example/a.tgz",',
  'registry=https://registry.example',
  '@a:registry = b',
])('a registry is found in %s', (text) => {
  expect(registryHosts([{ path: 'a', text }])).toHaveLength(1);
});

test('a link to a workspace is no registry', () => {
  expect(registryHosts([{ path: 'a', text: '"resolved": "server",\n"url": "https://example.org"' }])).toEqual(
    [],
  );
});

function read(path: string): Source {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** As git decides: a NUL among the first bytes means binary. */
function isText(path: string): boolean {
  return !readFileSync(join(root, path)).subarray(0, 8000).includes(0);
}
