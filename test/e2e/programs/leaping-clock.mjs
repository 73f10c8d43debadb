// Preloaded into a server (NODE_OPTIONS=--import): lets its clock leap. CLOCK_AHEAD names a file that holds by how many
// milliseconds the clock is ahead; once that has grown, what is due by then happens, and then FILE.seen holds the same number.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';

const file = process.env.CLOCK_AHEAD;
const LOOK_EVERY_MS = 5;
/** Later than the timers that have become due: they come first. */
const TURN_MS = 5;

const { now } = Date;
const { setTimeout, clearTimeout } = globalThis;

let ahead = 0;
/** Timers that wait, by what their owner knows them as. */
const pending = new Map();

Date.now = () => now() + ahead;

globalThis.setTimeout = (call, ms = 0, ...args) => {
  const fire = () => {
    pending.delete(timer);
    call(...args);
  };
  const timer = setTimeout(fire, ms);
  pending.set(timer, { fire, at: Date.now() + ms, latest: timer });
  return timer;
};
globalThis.setTimeout[promisify.custom] = setTimeout[promisify.custom];

globalThis.clearTimeout = (timer) => {
  clearTimeout(pending.get(timer)?.latest ?? timer);
  pending.delete(timer);
};

function leap() {
  const wanted = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (wanted <= ahead) return;
  ahead = wanted;
  for (const waiting of pending.values()) {
    clearTimeout(waiting.latest);
    waiting.latest = setTimeout(waiting.fire, Math.max(0, waiting.at - Date.now()));
  }
  if (!isMainThread) return;
  setTimeout(acknowledge, TURN_MS);
}

function acknowledge() {
  writeFileSync(`${file}.new`, `${ahead}`);
  renameSync(`${file}.new`, `${file}.seen`);
}

leap();
setInterval(leap, LOOK_EVERY_MS).unref();
