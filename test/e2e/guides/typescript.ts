import { PageProject } from '../page-program.js';
import type { GuideLanguage } from './languages.js';

/** Runs the guide of TypeScript, with the SDK as it is packed. */
export const typescript: GuideLanguage = {
  name: 'TypeScript',
  page: 'typescript.md',
  fence: 'ts',
  snippets: {
    extension: '.ts',
    // Imports may stand at the top of a module only.
    load: (module) => ['--input-type=module', '--eval', `await import('./${module}.js')`],
    wrap: (block, name) => `async function ${name}() {\n${block.replace(/^import .*$/gm, '')}}\n`,
  },
  tool: { name: 'node', command: process.execPath },
  async prepare(files) {
    const project = new PageProject('zod', files);
    const errors = project.compile().join('\n');
    return {
      project: {
        folder: project.folder,
        program: { name: 'node', path: process.execPath },
        env: {},
        remove: () => project.remove(),
      },
      errors,
    };
  },
};
