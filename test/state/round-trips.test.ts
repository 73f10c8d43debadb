import { PolosClient, Worker } from '@polos/sdk';
import { describe, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Random } from '../simulation/random.js';
import { checkArrival } from './arrivals.js';
import { DOCUMENTS_EACH, pack } from './luggage.js';
import { child, travel, traveller } from './sdk-traveller.js';
import { WireTraveller } from './wire-traveller.js';

// Generated documents through a real server on a real store, and everything read back in every way there is.
//
// ROUND_TRIP_DOCUMENTS=100000 sends that many through each store and by each client, ROUND_TRIP_SEED=17 others.

const { ROUND_TRIP_DOCUMENTS = '10000', ROUND_TRIP_SEED = '1' } = process.env;
const trips = Math.ceil(Number(ROUND_TRIP_DOCUMENTS) / DOCUMENTS_EACH);
const firstSeed = Number(ROUND_TRIP_SEED) * 1_000_003;

/** Executions under way at once. */
const AT_ONCE = 16;

vi.setConfig({ testTimeout: 60_000 + Number(ROUND_TRIP_DOCUMENTS) * 20 });

function describeRoundTrips(start: () => Promise<ServerProgram>): void {
  test(`${trips * DOCUMENTS_EACH} documents come back from TypeScript`, async () => {
    const { url } = await start();
    const client = new PolosClient({ apiUrl: url });
    const wire = await WireTraveller.connect(url, 'reader', firstSeed);
    const worker = new Worker({ client, workflows: [traveller, child], handleSignals: false });
    const running = worker.run();
    onTestFinished(async () => {
      await worker.shutdown();
      await running;
      client.close();
    });
    await forAll(async (trip) => {
      const luggage = pack(`sdk-${trip}`, firstSeed + trip);
      const handle = client.getHandle(await travel(client, luggage));
      await checkArrival({ calls: wire.calls, handle, random: new Random(trip) }, luggage);
    });
  });

  test(`${trips * DOCUMENTS_EACH} documents come back from a client that writes JSON its own way`, async () => {
    const { url } = await start();
    const client = new PolosClient({ apiUrl: url });
    onTestFinished(() => client.close());
    const wires = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) =>
        WireTraveller.connect(url, `wire_${index}`, firstSeed + index),
      ),
    );
    await forAll(async (trip) => {
      const wire = wires.pop() as WireTraveller;
      const luggage = pack(`wire-${trip}`, firstSeed - trip);
      const handle = client.getHandle(await wire.travel(luggage));
      wires.push(wire);
      await checkArrival({ calls: wire.calls, handle, random: new Random(trip) }, luggage);
    });
  });
}

describe('on the embedded store', () => {
  describeRoundTrips(() => ServerProgram.start({ leaseMs: 30_000 }));
});

withMongodb(() => {
  describe('on MongoDB', () => {
    describeRoundTrips(async () => {
      return ServerProgram.start({ leaseMs: 30_000, mongodbUrl: (await uniqueDatabase()).url });
    });
  });
});

/** Makes all trips, some at a time; the first that fails says how to play it again. */
async function forAll(make: (trip: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < trips) {
      const trip = next;
      next += 1;
      await make(trip).catch((cause) => {
        next = trips;
        throw new Error(`trip ${trip} with ROUND_TRIP_SEED=${ROUND_TRIP_SEED} failed: ${cause.message}`, {
          cause,
        });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
