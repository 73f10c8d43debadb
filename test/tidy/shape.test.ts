import { expect, test } from 'vitest';
import { defaultExports, emptyNames, longFiles, undocumentedExports, unnumberedTodos } from './shape.js';
import { type Rule, readSources, repositoryPaths } from './source.js';

interface Case {
  readonly rule: Rule;
  readonly path: string;
  readonly text: string;
}

const MODULES = ['.ts', '.mts', '.mjs', '.js'];
const sources = readSources(...MODULES, '.py', '.go', '.java', '.proto');
const modules = sources.filter(({ path }) => MODULES.some((ending) => path.endsWith(ending)));
const TO_DO = 'TO' + 'DO';

test('names say what a file holds', () => {
  expect(emptyNames(repositoryPaths().map((path) => ({ path })))).toEqual([]);
});

test('what is left to do has an issue number', () => {
  expect(unnumberedTodos(sources)).toEqual([]);
});

test('only configuration files have a default export', () => {
  expect(defaultExports(modules)).toEqual([]);
});

test('every exported declaration has a doc comment', () => {
  expect(undocumentedExports(modules)).toEqual([]);
});

test('no file is longer than a reader can hold', () => {
  // A service is one .proto file, and most of it is documentation.
  expect(longFiles(sources.filter(({ path }) => !path.endsWith('.proto')))).toEqual([]);
});

test.each(
  named([
    { rule: emptyNames, path: 'server/src/engine/utils.ts', text: '' },
    { rule: emptyNames, path: 'test/helpers/a.ts', text: '' },
    { rule: emptyNames, path: 'test/Common.test.ts', text: '' },
    { rule: unnumberedTodos, path: 'a.ts', text: `// ${TO_DO}: later` },
    { rule: unnumberedTodos, path: 'a.py', text: `# ${TO_DO} (someone) later` },
    { rule: defaultExports, path: 'a.ts', text: 'export default 1;' },
    { rule: defaultExports, path: 'a.ts', text: 'export default function f() {}' },
    { rule: defaultExports, path: 'a.ts', text: 'export { a as default };' },
    { rule: undocumentedExports, path: 'server/src/a.ts', text: 'export const a = 1;' },
    {
      rule: undocumentedExports,
      path: 'server/src/a.ts',
      text: '// Not a doc comment.\nexport function f() {}',
    },
    { rule: undocumentedExports, path: 'clients/typescript/src/a.ts', text: 'class A {}\nexport { A };' },
    { rule: undocumentedExports, path: 'clients/typescript/src/a.ts', text: 'export interface A {}' },
    { rule: longFiles, path: 'a.ts', text: 'x\n'.repeat(401) },
  ]),
)('$name finds an offence in $path: $text', ({ rule, path, text }) => {
  expect(rule([{ path, text }])).toHaveLength(1);
});

test.each(
  named([
    { rule: emptyNames, path: 'server/src/engine/commonwealth.ts', text: '' },
    { rule: unnumberedTodos, path: 'a.ts', text: `// ${TO_DO}(#12): later` },
    { rule: defaultExports, path: 'a.config.ts', text: 'export default 1;' },
    { rule: defaultExports, path: 'a.ts', text: 'switch (a) { default: }' },
    {
      rule: undocumentedExports,
      path: 'server/src/a.ts',
      text: '/** A. */\nexport const a = 1;\nconst b = 2;',
    },
    {
      rule: undocumentedExports,
      path: 'server/src/a.ts',
      text: '/** F. */\nexport function f(a: 1): 1;\nexport function f(a: any) {}',
    },
    {
      rule: undocumentedExports,
      path: 'server/src/a.ts',
      text: "export { a } from './b.js';\nexport * from './c.js';",
    },
    { rule: longFiles, path: 'a.ts', text: 'x\n'.repeat(400) },
  ]),
)('$name accepts $path: $text', ({ rule, path, text }) => {
  expect(rule([{ path, text }])).toEqual([]);
});

/** A title cannot name a function by itself. */
function named(cases: readonly Case[]): (Case & { readonly name: string })[] {
  return cases.map((one) => ({ ...one, name: one.rule.name }));
}
