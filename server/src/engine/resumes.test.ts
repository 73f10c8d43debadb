import { describe, expect, test } from 'vitest';
import type * as api from './api.js';
import { atEachCall, type Moment } from './deaths.mjs';
import { settled } from './hand-clock.mjs';
import { accept, DONE, Harness, LEASE_MS, PROJECT, SUSPEND, step } from './harness.mjs';

/** A step that resumes another execution's. */
function tell(executionId: string, key = 'tell', data = '1'): api.WorkerAction {
  return {
    type: 'send_resume',
    key,
    executionId,
    suspendedStepKey: 'approval',
    data: { json: data },
  };
}

const APPROVAL: api.WorkerAction = { type: 'await_resume', key: 'approval' };

/** What the step of an assignment came to. */
function outcomeOf({ steps }: api.Assignment, key: string) {
  return steps.steps.find((each) => each.key === key)?.outcome;
}

/** An execution that waits for an approval, and one that gives it. */
async function pair(harness: Harness) {
  const worker = await harness.register(['order', 'boss']);
  const waiting = await harness.invoke();
  await harness.complete(await harness.take(worker), APPROVAL, SUSPEND);
  await harness.invoke({ workflowId: 'boss' });
  return { worker, waiting, boss: await harness.take(worker) };
}

describe('a step that resumes another execution', () => {
  test('gives it the data, and has no value itself', async () => {
    const harness = await Harness.open();
    const { worker, waiting, boss } = await pair(harness);
    await harness.complete(boss, tell(waiting), SUSPEND);
    const both = await harness.takeAll(worker);
    const [resumed, told] = both.toSorted((a, b) =>
      a.execution.workflowId < b.execution.workflowId ? 1 : -1,
    );
    expect(outcomeOf(resumed!, 'approval')).toEqual({ type: 'completed', result: { json: '1' } });
    expect(outcomeOf(told!, 'tell')).toEqual({ type: 'completed' });
    await harness.complete(told!, accept('tell'), DONE);
  });

  test('that does not wait yet is kept for it', async () => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'boss']);
    const later = await harness.invoke();
    const target = await harness.take(worker);
    await harness.invoke({ workflowId: 'boss' });
    await harness.complete(await harness.take(worker), tell(later), SUSPEND);
    const told = await harness.take(worker);
    expect(outcomeOf(told, 'tell')).toEqual({ type: 'completed' });
    const { outcomes } = await harness.complete(target, APPROVAL, SUSPEND);
    expect(outcomes).toMatchObject([{ key: 'approval', outcome: { result: { json: '1' } } }]);
  });

  test('may resume itself', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const executionId = await harness.invoke();
    const { lease } = await harness.take(worker);
    await harness.completeAs(lease, 1, [APPROVAL, tell(executionId), SUSPEND]);
    const again = await harness.take(worker);
    await settled();
    const { outcomes } = await harness.complete(again, step('a'));
    const known = [...again.steps.steps, ...outcomes].filter(({ outcome }) => outcome).map(({ key }) => key);
    expect(new Set(known)).toEqual(new Set(['approval', 'tell']));
  });

  test('tells a worker that still runs at once', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const stream = await harness.openWork(await harness.register(['boss']));
    stream.session.grant(1);
    const waiting = await harness.invoke();
    await harness.complete(await harness.take(worker), APPROVAL, SUSPEND);
    await harness.invoke({ workflowId: 'boss' });
    await settled();
    const [boss] = stream.assignments;
    await harness.complete(boss!, tell(waiting));
    await settled();
    expect(stream.notices).toMatchObject([{ outcomes: [{ key: 'tell', outcome: { type: 'completed' } }] }]);
  });
});

describe('a resume that cannot be', () => {
  test.each<[string, string, (harness: Harness, worker: string) => Promise<string>]>([
    ['of nothing', 'NotFoundError', async () => 'nobody'],
    [
      'of an execution of another project',
      'NotFoundError',
      (harness) => harness.invoke({ projectId: 'another' }),
    ],
    [
      'of one that is final',
      'ExecutionClosedError',
      async (harness) => {
        const executionId = await harness.invoke({ workflowId: 'nobody serves this' });
        await harness.engine.cancel(PROJECT, executionId);
        return executionId;
      },
    ],
    [
      'of a step that has other data',
      'ResultConflictError',
      async (harness, worker) => {
        const executionId = await harness.invoke();
        await harness.complete(await harness.take(worker), APPROVAL, SUSPEND);
        await harness.engine.resume(PROJECT, executionId, { stepKey: 'approval', data: { json: '2' } });
        await harness.take(worker);
        return executionId;
      },
    ],
    [
      'of a step of another kind',
      'ResultConflictError',
      async (harness, worker) => {
        const executionId = await harness.invoke();
        await harness.complete(await harness.take(worker), step('approval'));
        return executionId;
      },
    ],
    [
      'of one for which too much is kept already',
      'LimitExceededError',
      async (harness) => {
        const executionId = await harness.invoke({ workflowId: 'nobody serves this' });
        for (let n = 0; n < 100; n++) await harness.engine.resume(PROJECT, executionId, { stepKey: `${n}` });
        return executionId;
      },
    ],
  ])('%s fails the step, and nothing else', async (_, type, prepare) => {
    const harness = await Harness.open();
    const worker = await harness.register(['order', 'boss']);
    const target = await prepare(harness, worker);
    await harness.invoke({ workflowId: 'boss' });
    await harness.complete(await harness.take(worker), tell(target), SUSPEND);
    const told = await harness.take(worker);
    expect(outcomeOf(told, 'tell')).toMatchObject({ type: 'failed', failure: { type, retryable: false } });
    expect(outcomeOf(told, 'tell')).toMatchObject({
      failure: { message: expect.stringContaining(`the step "approval" of execution ${target}`) },
    });
    expect((await harness.complete(told, accept('tell'), DONE)).execution.status).toBe('completed');
  });
});

test.each<Moment>(['before', 'after'])(
  'a server that dies %s any of its calls to the store resumes once, and says so once',
  async (moment) => {
    const takeOver = async (server: Harness, calls: number) => {
      const { told, resumed } = await play(server);
      expect({ calls, told, resumed }).toEqual({
        calls,
        told: { type: 'completed' },
        resumed: { type: 'completed', result: { json: '1' } },
      });
    };
    expect(await atEachCall(moment, { play, takeOver })).toBeGreaterThan(15);
  },
);

/** Has one execution resume the other, from wherever they are; answers what the two steps came to. */
async function play(harness: Harness) {
  const worker = await harness.register(['order', 'boss']);
  const waiting = await harness.invoke({ idempotencyKey: 'order' });
  await harness.invoke({ workflowId: 'boss', idempotencyKey: 'boss' });
  const ends = new Map<string, ReturnType<typeof outcomeOf>>();
  for (let round = 0; round < 20; round++) {
    for (const assignment of await harness.takeAll(worker)) {
      const { workflowId } = assignment.execution;
      const key = workflowId === 'boss' ? 'tell' : 'approval';
      const outcome = outcomeOf(assignment, key);
      if (outcome) {
        await harness.complete(assignment, accept(key), DONE);
        ends.set(key, outcome);
        continue;
      }
      const begin = assignment.steps.steps.length > 0 ? [] : [key === 'tell' ? tell(waiting) : APPROVAL];
      await harness.complete(assignment, ...begin, SUSPEND);
    }
    await settled();
    if (round > 2) await harness.clock.turn(LEASE_MS);
  }
  const result = async (key: string, executionId: string) => {
    const steps = await harness.engine.listSteps(PROJECT, executionId, 0);
    return ends.get(key) ?? steps.steps.find((each) => each.key === key)?.outcome;
  };
  const bossId =
    (await harness.store.list({ projectId: PROJECT, workflowId: 'boss', limit: 1 }))[0]?.id ?? '';
  return { told: await result('tell', bossId), resumed: await result('approval', waiting) };
}
