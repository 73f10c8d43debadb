import { PageProject } from '../page-program.js';
import type { GuideLanguage } from './languages.js';

/** Runs the guide of TypeScript, with the SDK as it is packed. */
export const typescript: GuideLanguage = {
  name: 'TypeScript',
  page: 'typescript.md',
  fence: 'ts',
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
