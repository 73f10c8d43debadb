import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../cli-process.js';
import { PYTHON, run } from '../clients-server.js';
import type { GuideLanguage } from './languages.js';

const SOURCE = join(root, 'clients/python/src');

/** Strict with the programs; of the SDK only what they see of it counts, as where it is installed. */
const MYPY =
  '[mypy]\nstrict = true\nfollow_imports = silent\nfollow_imports_for_stubs = true\ndisable_error_code = empty-body\n';

/** Runs the guide of Python, with the SDK from its source. */
export const python: GuideLanguage = {
  name: 'Python',
  page: 'python.md',
  fence: 'python',
  tool: PYTHON,
  snippets: {
    extension: '.py',
    load: (module) => ['-c', `import ${module}`],
    wrap: (block, name) => `\n\nasync def ${name}() -> None:\n${block.replace(/^(?=.)/gm, '    ')}`,
  },
  async prepare(files) {
    const folder = mkdtempSync(join(tmpdir(), 'polos-guide-'));
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'mypy.ini'), MYPY);
    const cache = join(root, '.cache/mypy-guides');
    const args = ['-m', 'mypy', '--cache-dir', cache, ...files.keys()];
    const checked = await run(PYTHON, args, { cwd: folder, environment: { MYPYPATH: SOURCE } });
    const project = {
      folder,
      program: { name: 'python', path: PYTHON.command },
      env: {
        PYTHONPATH: SOURCE,
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONUNBUFFERED: '1',
        PYTHONWARNINGS: 'error',
        // What the guide has the reader install is pytest alone.
        PYTEST_ADDOPTS: '-p no:asyncio -p no:cacheprovider',
      },
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
    return { project, errors: checked.status === 0 ? '' : `${checked.stdout}${checked.stderr}` };
  },
};
