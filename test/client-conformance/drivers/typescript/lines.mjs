import { writeSync } from 'node:fs';

/** Writes one line to the runner, at once, so that kill -9 loses none. */
export function say(message) {
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full: the runner is reading.
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
