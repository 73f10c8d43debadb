import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { root, runProgram } from './cli-process.js';
import { BUILD_MS, buildExamples, exampleProgram } from './example-programs.js';

let server: ServerProgram;
beforeAll(async () => {
  await buildExamples();
  server = await ServerProgram.start();
}, BUILD_MS);

test('documents are indexed, each by a child, and those that cannot be read are named with the reason', async () => {
  const documents = ['README.md', 'STYLE.md', 'docs/guides/children.md', 'nowhere.md', 'docs'];
  const paths = documents.map((name) => join(root, name));
  const ran = await runProgram([exampleProgram('fan-out'), ...paths], { env: { POLOS_API_URL: server.url } });
  expect(ran.status).toBe(0);
  const lines = ran.stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^Index \S+ of 5 documents$/);
  const read = lines.slice(1, 4).map((line) => /^ +(\d+) {2}(\S+) {2}(.+)$/.exec(line)?.slice(1) ?? [line]);
  expect(read.map(([, path, title]) => [path, title]).sort()).toEqual([
    [paths[0], 'Polos'],
    [paths[1], 'Style'],
    [paths[2], 'Children'],
  ]);
  const words = read.map(([count]) => Number(count));
  expect(words).toEqual(words.toSorted((a, b) => b - a));
  expect(lines[4]).toMatch(new RegExp(`^ +${words.reduce((a, b) => a + b, 0)} {2}in all$`));
  expect(lines[5]).toMatch(/^ {2}failed {2}\S+nowhere\.md {2}.*ENOENT/);
  expect(lines[6]).toMatch(/^ {2}failed {2}\S+docs {2}.*EISDIR/);
});
