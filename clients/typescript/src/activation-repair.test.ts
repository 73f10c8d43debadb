import { describe, expect, it, vi } from 'vitest';
import { LeaseLostError } from './api-errors.js';
import { FakeExecution } from './fake-execution.js';
import { activate, runOn, type TestHandler } from './fake-worker.js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import type { JsonValue } from './state/json.js';
import type { PatchOperation } from './state/patch.js';

function put(path: string, value: JsonValue): PatchOperation[] {
  return [{ op: 'replace', path, value }];
}

/** A step, a wait, a step; each adds what it finds in the state. */
const stages: TestHandler = async (ctx) => {
  ctx.state.n = 1;
  ctx.state.seen = [];
  await ctx.step.run('a', () => 1);
  ctx.state.seen.push(ctx.state.n);
  await ctx.step.suspend('s1');
  ctx.state.seen.push(ctx.state.n);
  await ctx.step.run('b', () => 1);
  await ctx.step.suspend('s2');
  ctx.state.seen.push(ctx.state.n);
  return ctx.state.n;
};

describe('a repaired state', () => {
  it('is what the code finds after its wait, on every replay', async () => {
    const execution = new FakeExecution();
    await runOn(execution, stages);
    execution.repair(put('/n', 5));
    expect(await runOn(execution, stages), 'nothing has come yet').toBe('suspended');
    execution.resume('s1');
    expect(await runOn(execution, stages)).toBe('suspended');
    execution.repair(put('/n', 7));
    execution.resume('s2');
    expect(await runOn(execution, stages)).toBe('closed');
    expect(execution.state).toEqual({ n: 7, seen: [1, 5, 7] });
    expect(execution.resultValue).toBe(7);
  });

  it('is given to code that is kept by replaying it, and that is kept from then on', async () => {
    const execution = new FakeExecution();
    const first = activate(execution, stages);
    await first.run();
    execution.repair(put('/n', 5));
    execution.resume('s1');
    const assignment = execution.assign({ toKeeper: true });
    expect(first.resume(assignment, assignment.steps)).toBe(false);
    const second = activate(execution, stages);
    expect(await second.run()).toBe('suspended');
    execution.resume('s2');
    const again = execution.assign({ toKeeper: true });
    expect(again.omittedSteps).toBe(4n);
    expect(second.resume(again, again.steps)).toBe(true);
    expect(await second.run()).toBe('closed');
    expect(execution.state.seen).toEqual([1, 5, 5]);
  });

  it('is also there where the steps that the kept code has seen are sent again', async () => {
    const execution = new FakeExecution();
    await runOn(execution, stages);
    execution.repair(put('/n', 5));
    execution.resume('s1');
    const activation = activate(execution, stages);
    await activation.run();
    execution.resume('s2');
    const assignment = execution.assign();
    expect(activation.resume(assignment, assignment.steps)).toBe(true);
    expect(await activation.run()).toBe('closed');
    expect(execution.state.seen).toEqual([1, 5, 5]);
  });

  it('keeps the references that the code holds into it', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      ctx.state.customer = { name: 'Ada', tags: ['new'] };
      const { customer } = ctx.state;
      await ctx.step.suspend('s');
      customer.greeted = customer.name;
      return customer === ctx.state.customer;
    };
    await runOn(execution, handler);
    execution.repair([
      { op: 'replace', path: '', value: { customer: { name: 'Grace', tags: ['new', 'vip'] }, note: 'x' } },
    ]);
    execution.resume('s');
    await runOn(execution, handler);
    expect(execution.resultValue).toBe(true);
    const customer = { name: 'Grace', tags: ['new', 'vip'], greeted: 'Grace' };
    expect(execution.state).toEqual({ customer, note: 'x' });
  });

  it('is what the handler starts with if it had not begun', async () => {
    const execution = new FakeExecution(undefined, { factor: 2 });
    execution.repair(put('/factor', 10));
    execution.repair([{ op: 'add', path: '/note', value: 'mended' }]);
    const found: unknown[] = [];
    const handler: TestHandler = async (ctx) => {
      found.push({ ...ctx.state });
      ctx.state.total = ctx.state.factor * (await ctx.step.run('three', () => 3));
      await ctx.step.suspend('s');
    };
    await runOn(execution, handler);
    execution.resume('s');
    expect(await runOn(execution, handler)).toBe('closed');
    expect(found).toEqual(Array(2).fill({ factor: 10, note: 'mended' }));
    expect(execution.state).toEqual({ factor: 10, note: 'mended', total: 30 });
  });

  it('is what an attempt finds that would fail again without it', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      ctx.state.price = await ctx.step.run('price', () => -1);
      await ctx.step.run('rest', () => 1);
      ctx.state.checks = (ctx.state.checks ?? 0) + 1;
      if (ctx.state.price < 0) {
        ctx.state.error = 'negative';
        throw new Error('the price is negative');
      }
      await ctx.step.suspend('s');
      return ctx.state.price;
    };
    await runOn(execution, handler);
    expect(execution.state).toEqual({ price: -1, checks: 1, error: 'negative' });
    execution.repair([
      { op: 'replace', path: '/price', value: 12 },
      { op: 'remove', path: '/error' },
    ]);
    expect(await runOn(execution, handler)).toBe('suspended');
    expect(execution.state).toEqual({ price: 12, checks: 1 });
    execution.resume('s');
    expect(await runOn(execution, handler)).toBe('closed');
    expect(execution.resultValue).toBe(12);
  });

  it('leaves to code that runs again what that code makes, and says so', async () => {
    const execution = new FakeExecution();
    const handler: TestHandler = async (ctx) => {
      await ctx.step.run('a', () => 1);
      ctx.state.config = { url: 'bad' };
      if (ctx.state.mended === undefined) throw new Error('bad url');
    };
    await runOn(execution, handler);
    execution.repair([...put('/config/url', 'good'), { op: 'add', path: '/mended', value: true }]);
    const warn = vi.fn();
    const logger = { debug() {}, info() {}, warn, error() {} };
    expect(await activate(execution, handler, {}, { logger }).run()).toBe('closed');
    expect(execution.state).toEqual({ config: { url: 'bad' }, mended: true });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('/config/url'));
  });

  it('is told from a state that the code does not come to any more', async () => {
    const execution = new FakeExecution();
    await runOn(execution, stages);
    execution.repair(put('/n', 5));
    execution.resume('s1');
    await runOn(execution, async (ctx) => {
      await ctx.step.run('a', () => 1);
      await ctx.step.suspend('s1');
    });
    expect(execution.failure).toMatchObject({
      type: 'NonDeterminismError',
      message: expect.stringContaining('nothing is at "/n"'),
    });
  });

  it('does not let code end before it', async () => {
    const execution = new FakeExecution();
    await runOn(execution, stages);
    execution.repair(put('/n', 5));
    await runOn(execution, async (ctx) => {
      await ctx.step.run('a', () => 1);
    });
    expect(execution.status, 'held back, not lost').toBe(ExecutionStatus.PAUSED);
    expect(execution.failure?.message).toContain('a repair of the state');
  });
});

describe('a repair at any place of a program that dies at any place', () => {
  /** Branches, own changes of steps, and waits. */
  const program: TestHandler = async (ctx) => {
    ctx.state.log = [];
    const branch = async (name: string) => {
      for (const part of [1, 2]) {
        await ctx.step.run(`${name}${part}`, () => void ctx.state.log.push(`${name}${part}`));
        ctx.state[name] = (ctx.state[name] ?? 0) + part;
        await ctx.step.suspend(`wait-${name}${part}`);
      }
    };
    await Promise.all([branch('x'), branch('y')]);
    return ctx.state;
  };
  const waits = ['wait-y1', 'wait-x1', 'wait-x2', 'wait-y2'];

  it.each([0, 1, 2, 3].flatMap((place) => [true, false].map((isKilled) => [place, isKilled] as const)))(
    'comes to one end (repaired before wait %i ends, killed: %s)',
    async (place, isKilled) => {
      const execution = new FakeExecution();
      await runOn(execution, program);
      let left = 0;
      for (const [index, wait] of waits.entries()) {
        if (index === place) execution.repair([{ op: 'add', path: '/repaired', value: { at: index } }]);
        execution.resume(wait);
        for (let killed = isKilled ? 3 : 0; ; killed--) {
          execution.beforeCommit = () => {
            if (killed > 0 && left++ % 2 === 0) throw new LeaseLostError('killed');
          };
          const end = await runOn(execution, program);
          if (end !== 'dropped') break;
        }
      }
      expect(execution.status).toBe(ExecutionStatus.COMPLETED);
      const { log, ...rest } = execution.state;
      expect([...(log as string[])].sort()).toEqual(['x1', 'x2', 'y1', 'y2']);
      expect(rest).toEqual({ x: 3, y: 3, repaired: { at: place } });
    },
  );
});
