import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Environment } from '../fault/processes.js';
import { freshDirectory } from '../fault/processes.js';

const PRELOADED = new URL('programs/leaping-clock.mjs', import.meta.url);

/** Less than an hour: a server does not trust a clock that leaps further. */
const LEAP_MS = 59 * 60_000;

/** The clock of a server process: goes as always, and ahead by hours when it is told to. */
export class LeapingClock {
  readonly #file: string;
  #aheadMs = 0;

  private constructor(file: string) {
    this.#file = file;
  }

  /** One that is right. */
  static async create(): Promise<LeapingClock> {
    return new LeapingClock(join(await freshDirectory(), 'ahead'));
  }

  /** What a server needs to go by it, also one that is started again. */
  get env(): Environment {
    return { NODE_OPTIONS: `--import=${PRELOADED.href}`, CLOCK_AHEAD: this.#file };
  }

  /** Lets time pass, in leaps; resolves once the server has seen the last one. */
  async pass(hours: number): Promise<void> {
    for (let left = hours * 3_600_000; left > 0; left -= LEAP_MS) {
      this.#aheadMs += LEAP_MS;
      writeFileSync(`${this.#file}.next`, `${this.#aheadMs}`);
      renameSync(`${this.#file}.next`, this.#file);
      while (this.#seen() < this.#aheadMs) await wait(5);
    }
  }

  #seen(): number {
    const file = `${this.#file}.seen`;
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  }
}
