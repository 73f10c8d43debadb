import type { Engine } from '../../server/src/engine/engine.js';
import { Random } from './random.js';
import { PROJECT, World } from './world.js';

/** How long faults go on, in virtual time, and how long it may then take until all is made up. */
const FAULTS_MS = 300_000;
const HEALED_MS = 60_000;

const MINUTE = 60_000;
const TOPIC = 'orders';

/** What a schedule and a trigger came to over a whole simulated run. */
export interface Starts {
  readonly violations: readonly string[];
  /** The ticks that executions were started for, oldest first, and the one before each as they were told. */
  readonly ticks: readonly string[];
  readonly lastTicks: readonly (string | null)[];
  readonly expectedTicks: readonly string[];
  /** The events that executions were started for, by sequence, and what was published. */
  readonly sequences: readonly number[];
  readonly events: readonly string[];
  readonly published: readonly string[];
}

/** The payloads of both sorts. */
interface Received {
  readonly timestamp?: string;
  readonly lastTimestamp?: string | null;
  readonly events?: readonly { readonly sequence: number; readonly type: string }[];
}

/**
 * Plays one seed: a schedule that ticks every minute and is asked for again and again, workers that declare a trigger again
 * and again, and callers that publish, while servers are killed and the store fails.
 */
export async function simulateStarts(
  seed: number,
  { servers }: { readonly servers: number },
): Promise<Starts> {
  const world = new World({ random: new Random(seed), programs: [], faults: true, servers });
  const { random, clock } = world;
  const guard = (work: Promise<unknown>) => work.catch((error) => world.violated(String(error?.stack)));
  guard(world.startServers());
  const declare = declaration(random);
  const setUp = { isDone: false };
  guard(
    Promise.all([persistently(world, schedule), persistently(world, declare)]).then(() => {
      setUp.isDone = true;
    }),
  );
  while (!setUp.isDone) await clock.turn(1_000);
  const published = Array.from({ length: random.between(10, 40) }, (_, index) => `e${index}`);
  const sometime = (ask: Ask) =>
    guard(world.sleep(random.between(0, FAULTS_MS)).then(() => persistently(world, ask)));
  for (const name of published) sometime(publication(name));
  for (let count = 0; count < 10; count++) sometime(random.chance(0.5) ? declare : schedule);
  guard(wreak(world));
  await clock.turn(FAULTS_MS);
  world.heal();
  await clock.turn(HEALED_MS);
  // Halfway between two ticks, so that none is just being started.
  await clock.turn(MINUTE + 30_000 - (clock.now() % MINUTE));
  return { violations: world.violations, published, ...(await started(world)) };
}

/** A call, which may be repeated. */
type Ask = (engine: Engine) => Promise<unknown>;

const schedule: Ask = (engine) => {
  const rule = { workflowId: 'report', key: 'k', cron: '* * * * *', timezone: 'UTC' };
  return engine.putSchedule(PROJECT, { ...rule, paused: false, catchUpMs: 3_600_000 });
};

function declaration(random: Random): Ask {
  const batchTimeoutMs = random.pick([0, 500, 20_000]);
  const trigger = { topic: TOPIC, batchSize: random.between(2, 4), batchTimeoutMs };
  return (engine) =>
    engine.registerWorker({
      ...{ projectId: PROJECT, queues: [], deploymentId: '', buildId: '', sdkName: 'simulation' },
      ...{ sdkVersion: '', identity: '', maxConcurrentExecutions: 1 },
      workflows: [{ id: 'ship', description: '', schemas: {}, trigger }],
    });
}

function publication(type: string): Ask {
  return (engine) =>
    engine.publish(PROJECT, { topic: TOPIC, events: [{ type }], idempotencyKey: type, digest: type });
}

/** Asks until there is an answer. */
async function persistently(world: World, ask: Ask): Promise<void> {
  for (;;) {
    try {
      await world.call(ask);
      return;
    } catch (error) {
      if (!world.mayPass(error)) throw error;
      await world.sleep(world.random.between(50, 1_000));
    }
  }
}

async function wreak(world: World): Promise<void> {
  const { random, clock } = world;
  const end = clock.now() + FAULTS_MS - 20_000;
  while (clock.now() < end) {
    await world.sleep(random.between(500, 12_000));
    if (random.chance(0.6)) await world.killServer();
    else {
      world.storeIsDown = true;
      await world.sleep(random.between(500, 10_000));
      world.storeIsDown = false;
    }
  }
}

/** What the store holds in the end. */
async function started({ store, clock }: World) {
  const executions = await store.list({ projectId: PROJECT, limit: 100_000 });
  const received = await Promise.all(
    executions.map(async ({ id }) => {
      const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
      const payload = entry?.input?.payload;
      return JSON.parse(payload && 'json' in payload ? payload.json : 'null') as Received;
    }),
  );
  const ticked = received
    .filter(({ timestamp }) => timestamp !== undefined)
    .sort((a, b) => (a.timestamp ?? '').localeCompare(b.timestamp ?? ''));
  const events = received.flatMap((each) => each.events ?? []).sort((a, b) => a.sequence - b.sequence);
  const [record] = await store.listRecords({ group: `schedule["${PROJECT}"]`, limit: 1 });
  const { createdAt } = JSON.parse(record?.body ?? '{}') as { readonly createdAt: number };
  const expectedTicks: string[] = [];
  const first = Math.floor(createdAt / MINUTE) * MINUTE + MINUTE;
  for (let at = first; at <= clock.now(); at += MINUTE) expectedTicks.push(new Date(at).toISOString());
  return {
    ticks: ticked.map(({ timestamp = '' }) => timestamp),
    lastTicks: ticked.map(({ lastTimestamp = '' }) => lastTimestamp),
    expectedTicks,
    sequences: events.map(({ sequence }) => sequence),
    events: events.map(({ type }) => type),
  };
}
