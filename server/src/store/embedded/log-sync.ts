import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { StoreFault } from '../store.js';

/**
 * Above this, a sync runs beside the event loop. Below it, handing it to a thread and back costs the loop more than
 * waiting: a quick disk takes 0.2 ms, the two hand-overs 0.5 ms of processor time on a small virtual machine.
 */
const QUICK_MS = 0.8;

/** How much the newest sync says about the next. */
const WEIGHT_OF_NEWEST = 0.1;

/**
 * Makes SQLite's log durable, without holding up the event loop for long. SQLite writes a transaction to the log when it
 * commits, and would sync it then and there in its mode FULL; a sync through any descriptor of the file does the same.
 */
export class LogSync {
  private readonly path: string;
  private descriptor: number | undefined;
  /** A moving average. */
  private typicalMs = 0;

  /** @param file  the database; its log has the same name and `-wal`. */
  constructor(file: string) {
    this.path = `${file}-wal`;
  }

  /** Resolves once all that was committed is on the disk. One call at a time. */
  async sync(): Promise<void> {
    // SQLite keeps its locks on the database file: opening and closing the log from here releases none of them.
    this.descriptor ??= openSync(this.path, 'r+');
    const started = performance.now();
    const isQuick = this.typicalMs < QUICK_MS;
    await (isQuick ? this.syncHere(this.descriptor) : this.syncBeside(this.descriptor));
    this.typicalMs += (performance.now() - started - this.typicalMs) * WEIGHT_OF_NEWEST;
  }

  /** Lets go of the file. Nothing may be under way. */
  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private syncHere(descriptor: number): void {
    try {
      fdatasyncSync(descriptor);
    } catch (error) {
      throw this.failure(error as Error);
    }
  }

  private syncBeside(descriptor: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(descriptor, (error) => (error ? reject(this.failure(error)) : resolve()));
    });
  }

  private failure(cause: Error): StoreFault {
    const message = `${this.path}: the disk did not take what was written (${cause.message}); start the server again`;
    return new StoreFault(message, { retryable: false, cause });
  }
}
