// The driver of the TypeScript SDK: serves workflows that are data, and calls the client, as the runner says. See
// ../../README.md for the protocol: one JSON text a line, requests on standard input, answers and reports on standard output.
import { createInterface } from 'node:readline';
import { call, forgetClients } from './client-calls.mjs';
import { say } from './lines.mjs';
import { describeError, describeValue } from './plain.mjs';
import { release, releaseAll } from './step-bodies.mjs';
import { startWorker, stopWorker } from './workers.mjs';

const REQUESTS = {
  startWorker,
  stopWorker,
  call,
  release: ({ project, step }) => release(project, step),
  async forget({ project }) {
    releaseAll(project);
    forgetClients(project);
  },
};

async function answer({ id, do: name, ...request }) {
  try {
    say({ id, value: describeValue(await REQUESTS[name](request)) });
  } catch (error) {
    say({ id, error: describeError(error) });
  }
}

createInterface(process.stdin)
  .on('line', (line) => void answer(JSON.parse(line)))
  .on('close', () => process.exit(0));
say({ event: 'ready' });
