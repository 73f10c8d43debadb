import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A language whose SDK the kit knows how to drive. */
export interface Language {
  readonly name: string;
  /** How its driver is started. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The SDK, then the tool chain: without these files it is left out. */
  readonly needs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether it can tell "no value" from null. */
  readonly knowsNothing: boolean;
}

const ROOT = join(import.meta.dirname, '..', '..');
const DRIVERS = join(import.meta.dirname, 'drivers');
const PYTHON = join(ROOT, '.cache', 'python', 'bin', 'python');

const ALL: readonly Language[] = [
  {
    name: 'typescript',
    command: [process.execPath, join(DRIVERS, 'typescript', 'main.mjs')],
    needs: [join(ROOT, 'clients', 'typescript', 'dist', 'index.js')],
    env: {},
    knowsNothing: true,
  },
  {
    name: 'python',
    command: [PYTHON, join(DRIVERS, 'python', 'main.py')],
    needs: [join(ROOT, 'clients', 'python', 'pyproject.toml'), PYTHON],
    env: { PYTHONPATH: join(ROOT, 'clients', 'python', 'src'), PYTHONDONTWRITEBYTECODE: '1' },
    knowsNothing: false,
  },
];

/** The languages that this machine can run. @throws if CI=true and one is missing whose SDK is there. */
export const LANGUAGES: readonly Language[] = ALL.filter(({ name, needs: [sdk = '', ...toolChain] }) => {
  if (!existsSync(sdk)) return false;
  const isRunnable = toolChain.every((path) => existsSync(path));
  if (!isRunnable && process.env.CI === 'true') throw new Error(`the tool chain of ${name} is missing`);
  return isRunnable;
});
