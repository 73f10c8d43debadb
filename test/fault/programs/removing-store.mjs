// Closes executions on an embedded store, long ago by the clock, while retention deletes those, without end; beside that an
// execution takes steps that are kept. Says what was acknowledged, the moment it was.
//
// Environment: DATA_DIR; ROUND, which is a part of every id.
// Lines: "open", "closed <id>", "kept <steps>"; or "refused <message>".
import { writeSync } from 'node:fs';
import { ExecutionRetention } from '../../../server/dist/engine/execution-retention.js';
import { openEmbeddedStore } from '../../../server/dist/store/embedded/embedded-store.js';
import { execution } from './execution.mjs';

const { DATA_DIR: dataDir, ROUND: round } = process.env;

const NOW = 1_000_000;

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

function entryOf(version) {
  return {
    firstEvent: version,
    at: version,
    events: [{ type: 'step_finish', data: { text: 'e'.repeat((version * 97) % 3_000) } }],
    steps: [],
    stateRevision: version,
  };
}

async function commit(store, id, version, more = {}) {
  const result = await store.commit({
    before: version === 1 ? undefined : execution(id, version - 1),
    execution: { ...execution(id, version), ...more },
    state: { version },
    entry: entryOf(version),
    index: { ready: false },
  });
  if (result !== 'committed') throw new Error(`${id} version ${version}: ${result}`);
}

/** Every tenth is longer than one transaction removes. */
async function closeMany(store) {
  for (let number = 0; ; number++) {
    const id = `${round}-${number}`;
    const length = number % 10 === 9 ? 600 : 5;
    const versions = Array.from({ length }, (_, index) => index + 1);
    const snapshot = { group: `state["${id}"]`, id: '1', version: 1, body: '{}' };
    await store.commitRecord({ record: snapshot });
    const closing = { status: 'completed', closedAt: 1 };
    await Promise.all(
      versions.map((version) => commit(store, id, version, version === length ? closing : {})),
    );
    say(`closed ${id}`);
  }
}

async function takeSteps(store) {
  for (let version = 1; ; version++) {
    await commit(store, `${round}-kept`, version);
    say(`kept ${version}`);
  }
}

try {
  const store = await openEmbeddedStore({ dataDir });
  say('open');
  const clock = {
    now: () => NOW,
    callAt(_, call) {
      const timer = setTimeout(call, 1);
      return () => clearTimeout(timer);
    },
  };
  const fault = (error) => say(`refused ${error.message}`);
  new ExecutionRetention({ store, clock, keptFor: () => 1_000, fault }).start();
  await Promise.all([closeMany(store), takeSteps(store)]);
} catch (error) {
  say(`refused ${error.message}`);
}
