import { access, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Order } from './orders.js';

/** The report of a day, as a file of comma-separated values. */
export class ReportFile {
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string, day: string) {
    this.#folder = folder;
    this.#path = join(folder, `orders-${day}.csv`);
  }

  /** Begins an empty file beside the report. */
  async draft(attempt: number): Promise<Draft> {
    await mkdir(this.#folder, { recursive: true });
    const path = `${this.#path}.${attempt}`;
    return new Draft(path, await open(path, 'w'));
  }

  /** Makes a draft the report. A second call finds that the first one has done it. */
  async publish(draft: string): Promise<string> {
    await rename(draft, this.#path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await access(this.#path);
    });
    return this.#path;
  }
}

/** A file that is being written. */
class Draft {
  readonly path: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  async write(orders: readonly Order[]): Promise<void> {
    await this.#file.appendFile(orders.map(({ id, item, cents }) => `${id},${item},${cents}\n`).join(''));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path);
  }
}
