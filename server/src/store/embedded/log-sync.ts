import { closeSync, fdatasync, openSync } from 'node:fs';
import { StoreFault } from '../store.js';

/**
 * Makes SQLite's log durable without holding up the event loop. SQLite writes a transaction to the log when it commits,
 * and would sync it then and there in its mode FULL; a sync through any descriptor of the file does the same.
 */
export class LogSync {
  private readonly path: string;
  private descriptor: number | undefined;

  /** @param file  the database; its log has the same name and `-wal`. */
  constructor(file: string) {
    this.path = `${file}-wal`;
  }

  /** Resolves once all that was committed is on the disk. One call at a time. */
  sync(): Promise<void> {
    // SQLite keeps its locks on the database file: opening and closing the log from here releases none of them.
    this.descriptor ??= openSync(this.path, 'r+');
    const { descriptor } = this;
    return new Promise((resolve, reject) => {
      fdatasync(descriptor, (error) => (error ? reject(this.failure(error)) : resolve()));
    });
  }

  /** Lets go of the file. Nothing may be under way. */
  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private failure(cause: Error): StoreFault {
    const message = `${this.path}: the disk did not take what was written (${cause.message}); start the server again`;
    return new StoreFault(message, { retryable: false, cause });
  }
}
