// Commits executions to an embedded store without end, and a record with each, and says what was acknowledged, the moment
// it was.
//
// Environment: DATA_DIR; ROUND, which is a part of every id; IN_FLIGHT, how many executions take steps at once.
// Lines: "open", then "<id> <version>"; or "refused <message>".
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../../../server/dist/store/embedded/embedded-store.js';
import { execution } from './execution.mjs';

const { DATA_DIR: dataDir, ROUND: round, IN_FLIGHT: inFlight } = process.env;

/** Written at once, so that kill -9 loses none of it. */
function say(line) {
  writeSync(1, `${line}\n`);
}

async function takeSteps(store, id) {
  for (let version = 1; ; version++) {
    const result = await store.commit({
      before: version === 1 ? undefined : execution(id, version - 1),
      execution: execution(id, version),
      state: { version, text: 's'.repeat((version * 97) % 5_000) },
      entry: {
        firstEvent: version,
        at: version,
        events: [{ type: 'step_finish', data: { version } }],
        steps: [],
        stateRevision: version,
      },
      index: { ready: false },
    });
    if (result !== 'committed') throw new Error(`${id} version ${version}: ${result}`);
    const record = {
      group: 'records',
      id,
      version,
      body: JSON.stringify('r'.repeat((version * 97) % 5_000)),
    };
    const recorded = await store.commitRecord({ record });
    if (recorded !== 'committed') throw new Error(`record ${id} version ${version}: ${recorded}`);
    say(`${id} ${version}`);
  }
}

try {
  const store = await openEmbeddedStore({ dataDir });
  say('open');
  const ids = Array.from({ length: Number(inFlight) }, (_, index) => `${round}-${index}`);
  await Promise.all(ids.map((id) => takeSteps(store, id)));
} catch (error) {
  say(`refused ${error.message}`);
}
