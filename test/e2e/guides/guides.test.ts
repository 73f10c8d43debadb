import { afterAll, beforeAll, describe, expect, type TestContext, test, vi } from 'vitest';
import { ServerProgram } from '../../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../../mongodb/shared.js';
import { need } from '../clients-server.js';
import { EXPECTED } from './expected.js';
import { type Example, examplesOf, headingsOf } from './guide.js';
import { type GuideLanguage, type GuideProject, LANGUAGES } from './languages.js';
import { outcomesOf } from './outcome.js';
import { play, prepare } from './running.js';

// Each example starts processes of its own beside other tests, and all have a type checker before them.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const SECTIONS = Object.keys(EXPECTED);
/** A worker that the machine keeps waiting must not lose its work. */
const LEASE_MS = 30_000;

const projects = new Map<GuideLanguage, GuideProject>();
afterAll(() => {
  for (const project of projects.values()) project.remove();
});

test.each(LANGUAGES)('the guide of $name has the six examples, and each says what it prints', ({ page }) => {
  const examples = examplesOf(page).filter(({ section }) => SECTIONS.includes(section));
  expect(examples.map(({ section }) => section)).toEqual(SECTIONS);
  for (const { section, commands } of examples) {
    expect(commands.length, section).toBeGreaterThan(0);
    for (const { command, lines } of commands) expect(lines, command).not.toEqual([]);
  }
});

test('the guides have the same headings', () => {
  const [first, ...others] = LANGUAGES.map(({ page }) => headingsOf(page));
  for (const headings of others) expect(headings).toEqual(first);
});

describe('on the embedded store', () => {
  let server: ServerProgram;
  beforeAll(async () => {
    server = await ServerProgram.start({ leaseMs: LEASE_MS });
  });

  describe.each(LANGUAGES)('in $name', (language) => {
    const others = examplesOf(language.page).filter(({ section }) => !SECTIONS.includes(section));
    test.for(others)('what stands under "$section" runs', async (example, context) => {
      const project = await projectOf(context, language);
      const where = { url: server.url, projectId: `${language.name}-others` };
      const parts = example.commands.map((each) => ({ project, ...each }));
      expect(await play(parts, where)).toHaveLength(example.commands.length);
    });

    test.for(SECTIONS)('"%s" prints what the guide says, and comes to what is expected', (section, context) =>
      check(context, { languages: [language], section, server }),
    );

    test.for(LANGUAGES.filter((other) => other !== language))(
      'its worker serves the client of $name',
      async (other, context) => {
        for (const section of ['Waiting for an event', 'Compensation'])
          await check(context, { languages: [language, other], section, server });
      },
    );
  });
});

withMongodb(() => {
  test.for(LANGUAGES)('on MongoDB the compensation in $name comes to the same', async (language, context) => {
    const { url } = await uniqueDatabase();
    const server = await ServerProgram.start({ leaseMs: LEASE_MS, mongodbUrl: url });
    await check(context, { languages: [language], section: 'Compensation', server });
  });
});

/** What is to be checked: an example, each command of it in one of the languages, the last one for all that are left. */
interface Check {
  readonly languages: readonly GuideLanguage[];
  readonly section: string;
  readonly server: ServerProgram;
}

async function check(context: TestContext, { languages, section, server }: Check): Promise<void> {
  const commands = await Promise.all(
    languages.map(async (language, index) => {
      const project = await projectOf(context, language);
      const example = examplesOf(language.page).find((each) => each.section === section) as Example;
      const isLast = index === languages.length - 1;
      return example.commands
        .slice(index, isLast ? undefined : index + 1)
        .map((each) => ({ project, ...each }));
    }),
  );
  const parts = commands.flat();
  const names = [...languages.map(({ name }) => name), section];
  const where = { url: server.url, projectId: names.join('-').replaceAll(' ', '-') };
  const expected = parts.map(({ command, lines }) => ({ command, lines }));
  expect(await play(parts, where)).toEqual(expected);
  expect(await outcomesOf(where)).toEqual(EXPECTED[section]);
}

/** The folder of all programs of a guide, which the tests of this file share. */
async function projectOf(context: TestContext, language: GuideLanguage): Promise<GuideProject> {
  need(language.tool, context);
  const project = projects.get(language) ?? (await prepare(language, examplesOf(language.page)));
  projects.set(language, project);
  return project;
}
