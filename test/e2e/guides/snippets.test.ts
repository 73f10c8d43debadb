import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { root, runProgram } from '../cli-process.js';
import { need } from '../clients-server.js';
import { type Block, blocksOf } from './guide.js';
import { type GuideLanguage, LANGUAGES } from './languages.js';

// A type checker runs over all of them, beside other tests.
vi.setConfig({ testTimeout: 300_000 });

/** The guides of one subject each, which show every language. */
const PAGES = readdirSync(join(root, 'docs/guides'))
  .filter((page) => !LANGUAGES.some((language) => language.page === page))
  .sort();

/** Blocks that are about one language: by page and heading. */
const ALONE = new Set(['events.md: In a browser']);

/** The languages that those guides show, in the order in which they stand there. */
const SHOWN = LANGUAGES.filter(({ snippets }) => snippets !== undefined);

test.each(PAGES)('%s says everything in each language, one after the other', (page) => {
  const fences = SHOWN.map(({ fence }) => fence);
  const blocks = blocksOf(page).filter((block) => fences.includes(block.fence) && !isAlone(page, block));
  const places = blocks.map(({ section, fence }) => `${section}: ${fence}`);
  const firsts = blocks.filter(({ fence }) => fence === fences[0]);
  expect(places).toEqual(firsts.flatMap(({ section }) => fences.map((fence) => `${section}: ${fence}`)));
});

test.for(SHOWN)('the $name of these guides type-checks and loads', async (language, context) => {
  need(language.tool, context);
  const programs = new Map(PAGES.flatMap((page) => toProgram(page, language)));
  const { project, errors } = await language.prepare(programs);
  onTestFinished(() => project.remove());
  expect(errors).toBe('');
  for (const name of programs.keys()) {
    const { folder, program, env } = project;
    const args = language.snippets?.load(parse(name).name) ?? [];
    const loaded = await runProgram(args, { cwd: folder, interpreter: program.path, env });
    expect(loaded, name).toEqual({ status: 0, stdout: '', stderr: '' });
  }
});

/** A page's blocks, each a function, after what they use without defining it; nothing for a page without any. */
function toProgram(page: string, { fence, snippets }: GuideLanguage): [name: string, text: string][] {
  const name = parse(page).name;
  const blocks = blocksOf(page).filter((block) => block.fence === fence && !isAlone(page, block));
  if (snippets === undefined || blocks.length === 0) return [];
  const preludes = ['all-guides', name].map((each) => `${each}${snippets.extension}.txt`);
  const texts = preludes.map((file) => join(root, 'test/e2e/fixtures/guides', file)).filter(existsSync);
  const functions = blocks.map(({ text, line }) => snippets.wrap(text, `line_${line}`));
  const program = [...texts.map((path) => readFileSync(path, 'utf8')), ...functions].join('\n');
  return [[`${name}${snippets.extension}`, program]];
}

function isAlone(page: string, { section }: Block): boolean {
  return ALONE.has(`${page}: ${section}`);
}
