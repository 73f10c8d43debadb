import { type Execution, isFinal, stateVersionOf } from '../../server/src/core/execution.js';
import type { JournalEntry } from '../../server/src/core/journal.js';
import { applyPatch, parseState } from '../../server/src/core/state-document.js';
import { addFacts, inOrder, type StepOutcome, type StepRecord } from '../../server/src/core/step.js';
import { Client, type Wish } from './client.js';
import { checkPublishedOnce, Gossip } from './gossip.js';
import { topicOf, withoutIds } from './handler.js';
import { randomPrograms } from './programs.js';
import { Random } from './random.js';
import { problemWith } from './tree-reader.js';
import { type Build, linesOf } from './versions.js';
import { Worker } from './worker.js';
import { PROJECT, World } from './world.js';

/** How long faults go on, in virtual time. */
const FAULTS_MS = 90_000;

/** What a whole simulated run came to. */
export interface Report {
  readonly violations: readonly string[];
  /** What each execution left behind, by its place in its tree. */
  readonly executions: ReadonlyMap<string, Legacy>;
  readonly virtualMs: number;
  /** Executions whose state was migrated, and how often one was parked. */
  readonly versions: { readonly migrations: number; readonly parked: number };
}

/** All of an execution that must not depend on what went wrong. */
export interface Legacy {
  readonly status: string;
  /** What its code wrote. Repairs come at other times each time. */
  readonly state: readonly string[];
  readonly result: unknown;
  readonly failure: string | undefined;
  readonly steps: readonly string[];
}

/** Plays one seed, with or without faults. Executions that are cancelled are checked and left out of the report. */
export async function simulate(
  seed: number,
  options: { readonly faults: boolean; readonly servers: number },
): Promise<Report> {
  const plan = new Random(seed);
  const programs = randomPrograms(plan);
  const wishes = randomWishes(plan, programs.length);
  const world = new World({ random: new Random(seed + 1), programs, ...options });
  const clients = wishes.map((wish) => new Client(world, wish));
  const gossip = new Gossip(world);
  const start = world.clock.now();
  const guard = (work: Promise<unknown>) => work.catch((error) => world.violated(String(error?.stack)));
  await world.declareLimits();
  guard(world.startServers());
  const workers = [true, false, true].map((streams) => new Worker(world, { streams }));
  for (const worker of workers) worker.start();
  for (const client of clients) guard(world.sleep(world.random.between(0, 20_000)).then(() => client.run()));
  guard(gossip.run());
  if (options.faults) guard(wreak(world, workers));
  const actors = [...clients, gossip];
  await world.runUntil(() => !world.faults && world.isIdle && actors.every(({ isDone }) => isDone));
  const executions = new Map<string, Legacy>();
  if (world.violations.length === 0) {
    for (const client of clients) await collect(world, client, executions);
  }
  const { migrations, parked } = world.versions;
  return {
    ...{ violations: world.violations, executions, virtualMs: world.clock.now() - start },
    versions: { migrations, parked },
  };
}

function randomWishes(plan: Random, programs: number): Wish[] {
  return Array.from({ length: plan.between(2, 4) }, (_, index) => ({
    key: `k${index}`,
    program: plan.between(0, Math.min(2, programs - 1)),
    ...(plan.chance(0.4) && { repairsAfterMs: randomTimes(plan) }),
    ...(plan.chance(0.2) && { cancelAfterMs: plan.between(0, 30_000) }),
    ...(plan.chance(0.2) && { pause: { afterMs: plan.between(0, 30_000), forMs: plan.between(0, 20_000) } }),
  }));
}

function randomTimes(plan: Random): number[] {
  return Array.from({ length: plan.between(1, 4) }, () => plan.between(0, 15_000));
}

/** Everything that can go wrong, for a while. */
async function wreak(world: World, workers: readonly Worker[]): Promise<void> {
  const { random, clock } = world;
  const end = clock.now() + FAULTS_MS;
  while (clock.now() < end) {
    await world.sleep(random.between(500, 12_000));
    const worker = random.pick(workers);
    const roll = random.next();
    if (roll < 0.35) await world.killServer();
    else if (roll < 0.5) await storeOutage(world);
    else if (roll < 0.6) void worker.crash();
    else if (roll < 0.8) void worker.crash(randomBuild(random));
    else worker.holdUp(random.between(1_000, 70_000));
  }
  world.heal();
  // From now on there is a worker that can take everything, and none whose code is broken.
  const recent = random.between(0, workers.length - 1);
  for (const [place, worker] of workers.entries()) {
    const stateVersion = place === recent || random.chance(0.5) ? 2 : 1;
    void worker.crash({ stateVersion, isBroken: false });
  }
}

/** Deployments come and go: an older one, too, and one whose migration throws. */
function randomBuild(random: Random): Build {
  return { stateVersion: random.chance(0.5) ? 2 : 1, isBroken: random.chance(0.5) };
}

async function storeOutage(world: World): Promise<void> {
  world.storeIsDown = true;
  await world.sleep(world.random.between(500, 10_000));
  world.storeIsDown = false;
}

/** Checks a finished tree against its journals, and notes what it left behind. */
async function collect(world: World, client: Client, executions: Map<string, Legacy>): Promise<void> {
  const { key } = client.wish;
  const all = await world.store.list({
    projectId: PROJECT,
    rootExecutionId: client.executionId,
    limit: 10_000,
  });
  const keyed = all.filter(({ idempotencyKey }) => idempotencyKey === key);
  if (keyed.length !== 1 || keyed[0]?.id !== client.executionId) {
    world.violated(`1, 2: ${key} is ${keyed.map(({ id }) => id)}, not ${client.executionId}`);
  }
  const problem = problemWith(client.treeReaders, all);
  if (problem) world.violated(`11: of the events of the tree of ${key}, ${problem}`);
  const byId = new Map(all.map((execution) => [execution.id, execution]));
  const placeOf = ({ parent }: Execution): string => {
    const above = parent && byId.get(parent.executionId);
    return above ? `${placeOf(above)}/${parent.stepKey}${parent.index ?? ''}` : key;
  };
  for (const execution of all) {
    const journal = await world.store.journal(execution.id, { afterEvent: 0, entries: 1e6, bytes: 1e9 });
    const legacy = await legacyOf(world, execution, journal);
    const place = placeOf(execution);
    if (place === key) await checkRepairs(world, client);
    if (executions.has(place)) world.violated(`15: ${place} was started twice`);
    if (client.wasCancelled && place === key && execution.status !== 'cancelled') {
      world.violated(`18: ${place} was cancelled and is ${execution.status}`);
    }
    if (client.wish.cancelAfterMs === undefined) executions.set(place, legacy);
  }
}

/** Each repair that was acknowledged is there once, in order, and its revision says who made it. */
async function checkRepairs(world: World, { executionId, repaired }: Client): Promise<void> {
  const repairs = (await world.store.load(executionId))?.state.repairs;
  if (JSON.stringify(repairs) !== JSON.stringify(repaired)) {
    world.violated(`the repairs of ${executionId} are ${repairs}, and ${repaired} were acknowledged`);
  }
}

function outcomeText(outcome: StepOutcome | undefined): string {
  const result = outcome?.type === 'completed' ? outcome.result : undefined;
  return result && 'json' in result ? withoutIds(result.json) : JSON.stringify(outcome);
}

async function legacyOf(
  world: World,
  execution: Execution,
  journal: readonly JournalEntry[],
): Promise<Legacy> {
  const { id, status, failure, eventCount, stateRevision, stepCount } = execution;
  if (!isFinal(status)) world.violated(`24: ${id} is ${status}`);
  const steps = new Map<string, StepRecord>();
  let event = 1;
  let revision = 1;
  let folded = parseState(journal[0]?.input?.initialState ?? '{}');
  for (const entry of journal) {
    if (entry.firstEvent !== event)
      world.violated(`10: event ${entry.firstEvent} of ${id} should be ${event}`);
    event += entry.events.length;
    for (const fact of entry.steps) {
      if (fact.type === 'recorded' && steps.has(fact.key))
        world.violated(`3: ${id} recorded ${fact.key} twice`);
    }
    addFacts(steps, entry);
    if (!entry.patch || 'problem' in folded) continue;
    revision += 1;
    folded = applyPatch(folded.document, entry.patch);
  }
  const state = JSON.stringify((await world.store.load(id))?.state);
  const isFold = 'document' in folded && JSON.stringify(folded.document.value) === state;
  if (!isFold || revision !== stateRevision)
    world.violated(`9: the state of ${id} is not the fold of its patches`);
  if (event !== eventCount + 1) world.violated(`10: ${id} has ${event - 1} events, not ${eventCount}`);
  const repairs = journal.flatMap((entry) => entry.steps.filter(({ type }) => type === 'state_changed'));
  const ordered = inOrder(steps.values());
  for (const { key, kind, outcome } of ordered) {
    if (kind === 'wait_for_event' && outcome) await checkPublishedOnce(world, topicOf(id, { key }));
  }
  const places = ordered.filter(({ sequence }) => sequence > 0).map(({ sequence }) => sequence);
  for (const repair of repairs) if ('sequence' in repair) places.push(repair.sequence);
  places.sort((a, b) => a - b);
  if (places.some((place, index) => place !== index + 1) || places.length !== stepCount) {
    world.violated(`the outcomes of ${id} have the places ${places}`);
  }
  const lines = linesOf(state ?? '{}', stateVersionOf(execution) ?? 1);
  return {
    ...{ status, state: lines, failure: failure?.message, result: journal.at(-1)?.result },
    steps: ordered
      .map(({ key, outcome, kind }) => `${key} ${kind} ${kind === 'invoke' || outcomeText(outcome)}`)
      .sort(),
  };
}
