import {
  defineWorkflow,
  InvalidArgumentError,
  type ListExecutionsOptions,
  type PolosClient,
  Worker,
} from '@polos/sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { polos } from './cli-process.js';
import { connect } from './stage.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

interface Order {
  customerId: string;
  order: { status: string; total: number };
  'a.b': boolean;
}

/** Waits to be told that it was paid. */
const order = defineWorkflow<{ customerId: string; total: number }, Order, string>(
  { id: 'order', stateIndex: ['customerId', 'order.status', '/order/total', '/a.b'] },
  async (ctx, { customerId, total }) => {
    Object.assign(ctx.state, { customerId, order: { status: 'open', total }, 'a.b': true });
    await ctx.step.suspend('paid');
    ctx.state.order.status = 'paid';
    return customerId;
  },
);

async function startWorker(client: PolosClient): Promise<void> {
  const worker = new Worker({ client, workflows: [order], handleSignals: false });
  const running = worker.run();
  onTestFinished(async () => {
    await worker.shutdown();
    await running;
  });
  await worker.whenRunning();
}

async function ids(client: PolosClient, options: ListExecutionsOptions): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { id } of client.listExecutions({ workflow: order, ...options })) found.push(id);
  return found;
}

function describeSearches(start: () => Promise<ServerProgram>): void {
  test('executions are found by their state, by the SDK and by the command, on every server', async () => {
    const server = await start();
    const client = connect(server.url);
    await startWorker(client);
    const totals = [5, 50, 500];
    const [small, middle, large] = await Promise.all(
      totals.map(async (total) => {
        const options = { searchAttributes: { region: total === 50 ? 'north' : 'south' } };
        return (await order.start(client, { customerId: `c-${total}`, total }, options)).id;
      }),
    );
    await vi.waitUntil(async () => (await ids(client, { status: 'waiting' })).length === 3);
    expect(await ids(client, { state: { customerId: 'c-50' } })).toEqual([middle]);
    expect(await ids(client, { state: { '/order/total': 5, '/a.b': true } })).toEqual([small]);
    expect(await ids(client, { state: { 'order.total': '5' } })).toEqual([]);
    expect(await ids(client, { filter: 'state.order.total > 5 AND state.order.total < 500' })).toEqual([
      middle,
    ]);
    expect(await ids(client, { searchAttributes: { region: 'north' } })).toEqual([middle]);
    expect(await ids(client, { limit: 2 })).toHaveLength(2);

    await client.resume(large as string, 'paid');
    await client.getHandle(large as string).result();
    await client.pauseExecution(small as string);
    expect(await ids(client, { state: { 'order.status': 'paid' } })).toEqual([large]);
    expect(await ids(client, { state: { 'order.status': 'open' }, status: 'waiting' })).toEqual([middle]);
    expect(await ids(client, { state: { 'order.status': 'open' }, status: 'paused' })).toEqual([small]);

    const env = { POLOS_API_URL: server.url };
    const filter = 'state.customerId = "c-50" AND status = WAITING';
    const list = (...args: string[]) => polos(['execution', 'list', ...args, '-o', 'json'], { env });
    const listed = await list('--workflow', 'order', '--filter', filter);
    expect(JSON.parse(listed.stdout)).toMatchObject({ executions: [{ id: middle }] });
    const recent = await list('--filter', 'workflow_id = order AND close_time > "2020-01-01T00:00:00Z"');
    expect(JSON.parse(recent.stdout)).toMatchObject({ executions: [{ id: large }] });
    const wrong = await list('--filter', filter);
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('within one workflow')]);
  });

  test('what cannot be asked for says so, and names what can', async () => {
    const server = await start();
    const client = connect(server.url);
    await startWorker(client);
    await expect(ids(client, { state: { name: 'x' } })).rejects.toThrow(
      'which has /a.b, customerId, order.status, order.total',
    );
    await expect(ids(client, { state: { name: 'x' } })).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(ids(client, { workflow: 'other', state: { name: 'x' } })).rejects.toThrow('which has none');
    await expect(ids(client, { state: { customerId: Number.NaN } })).rejects.toThrow('"NaN"');
    await expect(ids(client, { limit: 0 })).rejects.toThrow(RangeError);
    const config = { id: 'wrong', stateIndex: ['a..b'] };
    const worker = new Worker({ client, workflows: [defineWorkflow(config, () => 1)], handleSignals: false });
    await expect(worker.run()).rejects.toThrow('state_index[0]');
  });
}

describe('a search on the embedded store', () => {
  describeSearches(() => ServerProgram.start());
});

withMongodb(() => {
  describe('a search on MongoDB', () => {
    describeSearches(async () => ServerProgram.start({ mongodbUrl: (await uniqueDatabase()).url }));
  });
});
