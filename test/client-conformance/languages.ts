import { join } from 'node:path';

/** A language whose SDK the kit knows how to drive. */
export interface Language {
  readonly name: string;
  /** How its driver is started. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Whether it can tell "no value" from null. */
  readonly knowsNothing: boolean;
}

const DRIVERS = join(import.meta.dirname, 'drivers');

/** All languages. */
export const LANGUAGES: readonly Language[] = [
  {
    name: 'typescript',
    command: [process.execPath, join(DRIVERS, 'typescript', 'main.mjs')],
    knowsNothing: true,
  },
];
