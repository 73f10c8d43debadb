import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from './source.js';

const GENERATED = ['server/src/gen', 'clients/typescript/src/gen', 'clients/python/src/polos/_gen'];
const fresh = mkdtempSync(join(tmpdir(), 'polos-generated-'));
afterAll(() => rmSync(fresh, { recursive: true }));

test('generated code is what `npm run generate` makes of proto/', () => {
  execFileSync(process.execPath, ['scripts/generate.mjs', '--out', fresh], { cwd: root });
  for (const folder of GENERATED) {
    const wanted = filesIn(join(fresh, folder));
    expect(wanted.size, `generated files for ${folder}`).toBeGreaterThan(0);
    expect(differences(filesIn(join(root, folder)), wanted), `run npm run generate: ${folder}`).toEqual([]);
  }
});

test('a changed, a missing and a left-over file are differences', () => {
  const checkedIn = new Map([
    ['a', '1'],
    ['b', '1'],
    ['old', '1'],
  ]);
  const wanted = new Map([
    ['a', '1'],
    ['b', '2'],
    ['new', '1'],
  ]);
  expect(differences(checkedIn, wanted)).toEqual(['b', 'old', 'new']);
});

function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path));
}

function filesIn(folder: string): Map<string, string> {
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}
