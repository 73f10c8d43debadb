import { describe, expect, onTestFinished, test } from 'vitest';
import { settled } from './hand-clock.mjs';
import {
  accept,
  child,
  DONE,
  done,
  Harness,
  LEASE_MS,
  PROJECT,
  SUSPEND,
  soFar,
  state,
  step,
} from './harness.mjs';

/** Two engines on one database. */
async function pair(): Promise<[Harness, Harness]> {
  const [here, there] = await Harness.openBeside(2);
  if (!here || !there) throw new Error('there are two');
  onTestFinished(() => {
    expect([...here.faults, ...there.faults]).toEqual([]);
  });
  return [here, there];
}

const patience = { waitMs: 60_000, signal: new AbortController().signal };

describe('work that is created at one server', () => {
  test('reaches a worker that waits at another at once, by Poll and by stream', async () => {
    const [here, there] = await pair();
    const polled = there.poll(await there.register());
    await settled();
    const first = await here.invoke();
    expect(await soFar(polled)).toMatchObject([{ execution: { id: first } }]);

    const stream = await there.openWork(await there.register());
    stream.session.grant(1);
    const second = await here.invoke();
    await settled();
    expect(stream.assignments).toMatchObject([{ execution: { id: second } }]);
  });

  test('is found by looking where nobody told of it', async () => {
    const [here, there] = await pair();
    there.store.follow = () => () => {};
    await there.engine.stop();
    await there.restart();
    const polled = there.poll(await there.register());
    await here.invoke();
    expect(await soFar(polled)).toBe('pending');
    await there.clock.turn(5_000);
    expect(await soFar(polled)).toHaveLength(1);
  });

  test('waits in the queue of the workflow that a worker of another server declares', async () => {
    const [here, there] = await pair();
    await there.register([{ id: 'order', queue: 'slow' }], { queues: ['slow'] });
    const executionId = await here.invoke();
    expect(await here.execution(executionId)).toMatchObject({ queue: 'slow' });
    expect((await here.engine.getExecution(PROJECT, executionId)).reason).toBe('workers_busy');
  });

  test('is checked against the schema that was registered at another server', async () => {
    const [here, there] = await pair();
    await here.invoke({ payload: { json: '{}' } });
    const schemas = { payload: '{"type":"object","required":["amount"]}' };
    await there.register([{ id: 'order', schemas }]);
    await there.clock.turn(1_000);
    await expect(here.invoke({ payload: { json: '{}' } })).rejects.toMatchObject({
      problem: { type: 'schema_violation', issues: [{ keyword: 'required' }] },
    });
  });

  test('under one idempotency key is one execution, whichever server is asked', async () => {
    const both = await pair();
    const asked = Array.from({ length: 20 }, (_, index) =>
      both[index % 2]!.invokeFully({ idempotencyKey: 'k' }),
    );
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ executionId }) => executionId)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });
});

describe('whoever follows at one server what a worker does at another', () => {
  test('gets the result, the events and the state', async () => {
    const [here, there] = await pair();
    const worker = await there.register();
    const executionId = await here.invoke();
    const result = here.engine.awaitResult(PROJECT, executionId, patience);
    const followed: string[] = [];
    const following = (async () => {
      const from = { afterEvent: 0, follow: true, signal: patience.signal };
      for await (const page of here.engine.events(PROJECT, executionId, from)) {
        followed.push(...page.map(({ type }) => type));
      }
    })();
    const assignment = await there.take(worker);
    await there.complete(assignment, step('a'), state(1, { n: 1 }));
    await settled();
    expect(followed).toContain('step_finish');
    expect(await here.engine.state(PROJECT, executionId)).toMatchObject({ json: '{"n":1}', revision: 2 });
    await there.complete(assignment, done('7'));
    expect(await soFar(result)).toMatchObject({ execution: { status: 'completed' }, result: { json: '7' } });
    await following;
    expect(followed.at(-1)).toBe('workflow_finish');
  });

  test('reads what is there, not what this server last knew', async () => {
    const [here, there] = await pair();
    const worker = await here.register();
    const executionId = await here.invoke();
    const assignment = await here.take(worker);
    await here.complete(assignment, step('a'));
    await there.complete(assignment, step('b'));
    expect(await here.execution(executionId)).toMatchObject({ stepCount: 2 });
    expect((await here.engine.listSteps(PROJECT, executionId, 0)).steps).toHaveLength(2);
  });
});

describe('a worker', () => {
  test('that registered at one server is known to the others', async () => {
    const [here, there] = await pair();
    const worker = await here.register();
    await there.invoke();
    const [assignment] = await there.poll(worker);
    expect(assignment).toBeDefined();
    if (!assignment) return;
    const [report] = await here.engine.extendLeases(PROJECT, worker, [assignment.lease]);
    expect(report).toMatchObject({ held: true });
    await here.complete(assignment, step('a'), DONE);
    for (const harness of [here, there]) {
      expect(await harness.engine.listWorkers(PROJECT)).toMatchObject([{ id: worker }]);
    }
  });

  test('is unknown in another project, and gone from the list a while after its server died', async () => {
    const [here, there] = await pair();
    const worker = await here.register();
    await here.openWork(worker);
    await settled();
    const wait = { max: 1, ...patience };
    await expect(there.engine.poll('p2', worker, wait)).rejects.toMatchObject({
      problem: { type: 'not_found' },
    });
    expect(await there.engine.listWorkers(PROJECT)).toMatchObject([{ id: worker, streaming: true }]);
    await there.clock.turn(50_000);
    expect(await there.engine.listWorkers(PROJECT)).toHaveLength(1);
    await here.engine.stop();
    await there.clock.turn(90_000);
    expect(await there.engine.listWorkers(PROJECT)).toHaveLength(0);
  });

  test('hears at once of a cancellation that another server was asked for', async () => {
    const [here, there] = await pair();
    const stream = await there.openWork(await there.register());
    stream.session.grant(1);
    const executionId = await here.invoke();
    await settled();
    await here.engine.cancel(PROJECT, executionId);
    await settled();
    expect(stream.notices).toMatchObject([
      { executionId, epoch: 1, cancelRequested: true, leaseLost: false },
    ]);
  });

  test('hears at once of the end of a child that ran at another server', async () => {
    const [here, there] = await pair();
    const stream = await here.openWork(await here.register(['order']));
    stream.session.grant(1);
    const worker = await there.register(['child']);
    await here.invoke();
    await settled();
    const [parent] = stream.assignments;
    if (!parent) throw new Error('no assignment');
    await here.complete(parent, child('pay'));
    await there.complete(await there.take(worker), done('5'));
    await settled();
    expect(stream.notices.at(-1)).toMatchObject({
      outcomes: [{ key: 'pay', outcome: { result: { json: '5' } } }],
    });
    await there.complete(parent, accept('pay'), DONE);
    expect(await here.status(parent.lease.executionId)).toBe('completed');
  });

  test('is told that its lease is lost when another server gave the execution on', async () => {
    const [here, there] = await pair();
    const stream = await here.openWork(await here.register());
    stream.session.grant(1);
    const executionId = await here.invoke();
    await settled();
    // This server is cut off from the store's news and from its clock, so that only the other one acts.
    await here.engine.stop();
    const polled = there.poll(await there.register(), { waitMs: 120_000 });
    await there.clock.turn(LEASE_MS + 5_000);
    const [assignment] = await polled;
    expect(assignment?.lease).toMatchObject({ executionId, epoch: 2 });
    const [stale] = stream.assignments;
    if (!stale || !assignment) throw new Error('no assignment');
    await expect(here.complete(stale, step('a'))).rejects.toMatchObject({
      problem: { rejection: { type: 'lease_lost', epoch: 1, currentEpoch: 2 } },
    });
    await here.complete(assignment, step('a'), DONE);
  });
});

describe('a server that died', () => {
  test('leaves its messages to the others', async () => {
    const [here, there] = await pair();
    const worker = await here.register();
    await here.invoke();
    const parent = await here.take(worker);
    // As if it died between the commit and the delivery.
    here.store.load = () => new Promise(() => {});
    void here.complete(parent, child('pay'), SUSPEND);
    await settled();
    void here.engine.stop();
    const polled = there.poll(await there.register(['child']), { waitMs: 60_000 });
    expect(await soFar(polled)).toBe('pending');
    await there.clock.turn(12_000);
    expect(await soFar(polled)).toHaveLength(1);
  });

  test('leaves what is due to the others, who do it a moment later', async () => {
    const [here, there] = await pair();
    const executionId = await here.invoke({ startDelayMs: 10_000 });
    await here.engine.stop();
    await there.clock.turn(10_000);
    expect((await there.store.load(executionId))?.execution.ready).toBe(false);
    await there.clock.turn(1_000);
    expect((await there.store.load(executionId))?.execution.ready).toBe(true);
  });
});

test('what is due is done once, by the server that put it there', async () => {
  const [here, there] = await pair();
  let attempts = 0;
  const { commit } = there.store;
  there.store.commit = (write) => {
    attempts += 1;
    return commit.call(there.store, write);
  };
  const ids = await Promise.all(Array.from({ length: 50 }, () => here.invoke({ startDelayMs: 10_000 })));
  await here.clock.turn(20_000);
  for (const id of ids)
    expect((await here.store.load(id))?.execution).toMatchObject({ ready: true, version: 2 });
  expect(attempts).toBe(0);
});
