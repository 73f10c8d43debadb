// Commits large states to an embedded store until the disk has no more room, then a small one for each line on its
// standard input. Says what each commit came to.
//
// Environment: DATA_DIR. Lines: "<id> committed", "<id> failed <whether to try again> <message>", "closed".
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openEmbeddedStore } from '../../../server/dist/store/embedded/embedded-store.js';

const LARGE = 500_000;

const store = await openEmbeddedStore({ dataDir: process.env.DATA_DIR });

/** Two commits at once, so that a group fails, not only a single one. */
async function commitPair(name, size) {
  const results = await Promise.all([commit(`${name}a`, size), commit(`${name}b`, size)]);
  return results.every((result) => result === 'committed');
}

async function commit(id, size) {
  try {
    const result = await store.commit({
      execution: { ...TEMPLATE, id, rootExecutionId: id },
      state: { text: 's'.repeat(size) },
      index: { ready: true },
    });
    say(`${id} ${result}`);
    return result;
  } catch (error) {
    say(`${id} failed ${error.retryable} ${error.message}`);
    return 'failed';
  }
}

function say(line) {
  writeSync(1, `${line}\n`);
}

const TEMPLATE = {
  projectId: 'default',
  workflowId: 'batch',
  queue: 'batch',
  status: 'queued',
  version: 1,
  createdAt: 1,
  updatedAt: 1,
  rootWorkflowId: 'batch',
  sessionId: 'session',
  priority: 0,
  searchAttributes: {},
  requestDigest: 'digest',
  ready: true,
  readyAt: 1,
  failedAttempts: 0,
  lostLeases: 0,
  epoch: 0,
  runMs: 0,
  waits: {},
  hasChildren: false,
  stepCount: 0,
  eventCount: 0,
  stateRevision: 0,
  stateBytes: 2,
  stateUpdatedAt: 1,
  stateUnsettled: false,
  outbox: [],
  outboxCount: 0,
};

for (let count = 0; await commitPair(`large${count}`, LARGE); count++);
say('full');
let lines = 0;
for await (const line of createInterface(process.stdin)) {
  if (line === 'close') break;
  await commitPair(`after${lines}`, LARGE);
  lines += 1;
}
await store.close();
say('closed');
