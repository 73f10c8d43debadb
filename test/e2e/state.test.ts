import {
  defineWorkflow,
  type ExecutionHandle,
  InvalidArgumentError,
  NotFoundError,
  PolosClient,
  type WatchedState,
  Worker,
} from '@polos/sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { polos } from './cli-process.js';

// Other tests keep the machine busy meanwhile.
vi.setConfig({ testTimeout: 120_000 });

interface Count {
  n: number;
  log: string[];
  'a.b': { readonly deep: boolean };
}

/** Counts up to a number, and then waits to be told to go on if it is odd. */
const counter = defineWorkflow<{ to: number }, Count, number>({ id: 'counter' }, async (ctx, { to }) => {
  Object.assign(ctx.state, { n: 0, log: [], 'a.b': { deep: true } });
  for (let n = 1; n <= to; n++) {
    await ctx.step.run(`count_${n}`, () => n);
    ctx.state.n = n;
    ctx.state.log.push(`line ${n}`);
  }
  if (to % 2 === 1) ctx.state.log.push(await ctx.step.suspend<string>('word'));
  return ctx.state.n;
});

type StartServer = () => Promise<ServerProgram>;

/** A client and a worker, until the test is over. */
async function connect(apiUrl: string): Promise<PolosClient> {
  const client = new PolosClient({ apiUrl });
  const worker = new Worker({ client, workflows: [counter], handleSignals: false });
  const running = worker.run();
  onTestFinished(async () => {
    await worker.shutdown();
    await running;
    client.close();
  });
  await worker.whenRunning();
  return client;
}

function describeStates(start: StartServer): void {
  test('every revision can be read, listed and compared, by the SDK and by the command', async () => {
    const server = await start();
    const client = await connect(server.url);
    const handle = await counter.start(client, { to: 6 });
    await handle.result();
    const revisions = [];
    for await (const revision of handle.state.revisions()) revisions.push(revision);
    const last = revisions.at(-1)?.revision ?? 0;
    expect(revisions.map(({ revision }) => revision)).toEqual(upTo(last));
    expect(revisions.find(({ stepKey }) => stepKey === 'count_4')?.patch).toEqual([
      { op: 'replace', path: '/n', value: 4 },
      { op: 'add', path: '/log/-', value: 'line 4' },
    ]);
    expect(await revisionsAfter(handle, 3)).toEqual(upTo(last).slice(3));
    expect(await revisionsAfter(handle, last)).toEqual([]);
    const before = await handle.state<Count>({ revision: last - 1 });
    const after = await handle.state<Count>();
    expect([before.value.n, after.value.n]).toEqual([5, 6]);
    // The order of members is no part of a document.
    const diff = [...(await handle.state.diff(last - 1, last))].sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(diff).toEqual([
      { op: 'add', path: '/log/-', value: 'line 6' },
      { op: 'replace', path: '/n', value: 6 },
    ]);
    const { value } = await handle.state({ paths: ['/a.b/deep', '/log', '/missing'] });
    expect(value).toEqual({ log: after.value.log, 'a.b': { deep: true } });
    const then = await handle.state<Count>({ time: before.updatedAt as Date });
    expect(then.value.n).toBeLessThan(6);
    await expect(handle.state({ revision: last + 1 })).rejects.toThrow(NotFoundError);
    await expect(handle.state({ paths: ['n'] })).rejects.toThrow(InvalidArgumentError);

    const env = { POLOS_API_URL: server.url };
    const compared = await polos(['execution', 'state', handle.id, '--diff', '2', String(last)], { env });
    expect(compared.status).toBe(0);
    expect(compared.stdout).toContain('  add /log/- "line 6"');
    const one = await polos(['execution', 'state', handle.id, '--path', '/n', '-o', 'json'], { env });
    expect(JSON.parse(one.stdout)).toMatchObject({ state: { n: 6 } });
    const wrong = await polos(['execution', 'state', handle.id, '--diff', '5', '2'], { env });
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('the earlier one first')]);
  });

  test('what a watcher does with what it is given changes nothing that it is given later', async () => {
    const server = await start();
    const client = await connect(server.url);
    const handle = await counter.start(client, { to: 3 });
    let isSpoilt = false;
    for await (const { revision, patch, value } of handle.state.watch<Count>()) {
      expect(value).toEqual((await handle.state({ revision })).value);
      if (value.n === 3 && !isSpoilt) await client.resume(handle.id, 'word', 'the end');
      isSpoilt = value.n === 3;
      for (const operation of patch) {
        if (operation.op !== 'remove' && isJsonObject(operation.value)) operation.value.spoilt = true;
      }
      for (const name of Object.keys(value)) Reflect.deleteProperty(value, name);
    }
    expect(isSpoilt).toBe(true);
  });

  test('a watcher sees every revision once and in order, though the server is killed, and the end', async () => {
    const server = await start();
    const client = await connect(server.url);
    const handle = await counter.start(client, { to: 41 });
    const seen: WatchedState<Count>[] = [];
    const watching = (async () => {
      for await (const state of handle.state.watch<Count>()) seen.push(state);
    })();
    for (const kill of [1, 2]) {
      await vi.waitUntil(() => seen.length > kill * 8, { timeout: 60_000 });
      await server.kill();
      await server.restart();
    }
    await vi.waitUntil(() => seen.at(-1)?.value.n === 41, { timeout: 60_000 });
    const follower = polos(['execution', 'state', handle.id, '--follow', '-o', 'json'], {
      env: { POLOS_API_URL: server.url },
    });
    await client.resume(handle.id, 'word', 'the end');
    await watching;
    const first = seen[0]?.revision ?? 0;
    expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, index) => first + index));
    const final = await handle.state<Count>();
    expect(seen.at(-1)).toMatchObject({ revision: final.revision, value: final.value });
    expect(final.value.log.at(-1)).toBe('the end');
    for (const { revision, value } of seen.filter((_, index) => index % 10 === 0)) {
      expect((await handle.state({ revision })).value).toEqual(value);
    }
    const { status, stdout } = await follower;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([status, Number(lines.at(-1)?.revision)]).toEqual([0, final.revision]);
  });

  test('a state is watched as a browser does it, over Connect and fetch', async () => {
    const server = await start();
    const client = await connect(server.url);
    const handle = await counter.start(client, { to: 2 });
    await handle.result();
    const body = envelope(JSON.stringify({ executionId: handle.id, afterRevision: '1' }));
    const response = await fetch(`${server.url}/polos.v1.WorkflowService/WatchState`, {
      method: 'POST',
      headers: { 'content-type': 'application/connect+json' },
      body,
    });
    const messages = opened(Buffer.from(await response.arrayBuffer()));
    const { revision } = await handle.state();
    expect(messages.flatMap((message) => message.revision?.revision ?? [])).toEqual(
      upTo(revision).slice(1).map(String),
    );
  });
}

describe('states on the embedded store', () => {
  describeStates(() => ServerProgram.start());
});

withMongodb(() => {
  describe('states on MongoDB', () => {
    describeStates(async () => ServerProgram.start({ mongodbUrl: (await uniqueDatabase()).url }));
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

async function revisionsAfter({ state }: ExecutionHandle, after: number): Promise<number[]> {
  const found: number[] = [];
  for await (const { revision } of state.revisions({ after })) found.push(revision);
  return found;
}

function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A message of a Connect stream: a byte of flags, four of its length, and itself. */
function envelope(text: string): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return new Uint8Array(Buffer.concat([head, Buffer.from(text)]));
}

function opened(bytes: Buffer): { readonly revision?: { readonly revision: string } }[] {
  const messages = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(JSON.parse(bytes.subarray(at + 5, end).toString()));
    at = end;
  }
  return messages;
}
