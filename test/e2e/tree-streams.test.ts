import { expect, onTestFinished, test } from 'vitest';
import { ServerProgram } from '../fault/processes.js';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { polos } from './cli-process.js';
import { eventsAfter, eventsUntil, expectWholeTree, openGates, SIZE } from './family.js';
import { connect, startWorker } from './stage.js';

const isGate = ({ type }: { readonly type: string }) => type === 'step_suspend';

test('a reader of a tree loses nothing while its server is killed and started again, twice', async () => {
  const server = await ServerProgram.start();
  onTestFinished(() => server.kill());
  await startWorker('family-worker', server.url);
  const client = connect(server.url);
  const execution = await client.invoke('clan', SIZE);
  const all = eventsAfter(execution, 0);
  for (let kills = 0; kills < 2; kills++) {
    await eventsUntil(execution, { after: 10 * kills, isLast: isGate });
    await server.kill();
    await server.restart();
  }
  await openGates(client, execution.id);
  const events = await all;
  await expectWholeTree(client, events);
  for (const after of [1, Math.floor(events.length / 2), events.length - 1, events.length]) {
    expect(await eventsAfter(execution, after)).toEqual(events.slice(after));
  }
});

withMongodb(() => {
  test('a stream that breaks with its server goes on exactly at another, where workers are', async () => {
    const { url: mongodbUrl } = await uniqueDatabase();
    const start = () => ServerProgram.start({ mongodbUrl, leaseMs: 5_000 });
    const [one, other] = await Promise.all([start(), start()]);
    onTestFinished(async () => {
      await Promise.all([one.kill(), other.kill()]);
    });
    await startWorker('family-worker', other.url);
    const [here, there] = [connect(one.url), connect(other.url)];
    const { id } = await here.invoke('clan', SIZE);
    const all = eventsAfter(there.getHandle(id), 0);
    const first = await eventsUntil(here.getHandle(id), { after: 0, isLast: isGate });
    await one.kill();
    const rest = eventsAfter(there.getHandle(id), first.length);
    await openGates(there, id);
    const events = [...first, ...(await rest)];
    expect(events).toEqual(await all);
    await expectWholeTree(there, events);
    await one.restart();
    expect(await eventsAfter(here.getHandle(id), 0)).toEqual(events);
  });
});

test('a page in a browser follows a tree by fetch alone, and goes on from the cursor it kept', async () => {
  const server = await ServerProgram.start();
  onTestFinished(() => server.kill());
  await startWorker('family-worker', server.url);
  const client = connect(server.url);
  const { id } = await client.invoke('clan', SIZE);
  const seen: Message[] = [];
  const page = new AbortController();
  for await (const message of fetched(server.url, { rootExecutionId: id, follow: true }, page.signal)) {
    seen.push(message);
    if (message.event?.type === 'step_suspend') break;
  }
  page.abort();
  await openGates(client, id);
  const { cursor } = seen.at(-1) ?? {};
  for await (const message of fetched(server.url, { rootExecutionId: id, follow: true, cursor })) {
    seen.push(message);
  }
  const events = await eventsAfter(client.getHandle(id), 0);
  expect(seen.map(({ event, cursor }) => `${cursor} ${event?.executionId} ${event?.type}`)).toEqual(
    events.map(({ place, executionId, type }) => `${place} ${executionId} ${type}`),
  );
});

test('the command prints a tree with the execution on each line, and follows it', async () => {
  const server = await ServerProgram.start();
  onTestFinished(() => server.kill());
  await startWorker('family-worker', server.url);
  const client = connect(server.url);
  const { id } = await client.invoke('clan', SIZE);
  const env = { POLOS_API_URL: server.url };
  const followed = polos(['execution', 'events', id, '--descendants', '--follow'], { env });
  await openGates(client, id);
  const { status, stdout } = await followed;
  const events = await eventsAfter(client.getHandle(id), 0);
  expect(status).toBe(0);
  expect(stdout.trimEnd().split('\n')).toEqual(
    events.map(({ place, type, executionId }) =>
      expect.stringMatching(new RegExp(`^[\\d:.]{12} +${place}  ${type} +${executionId}`)),
    ),
  );
  const args = ['execution', 'events', id, '--descendants', '--cursor', '7', '-o', 'json'];
  const lines = (await polos(args, { env })).stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).cursor)).toEqual(
    events.slice(7).map(({ place }) => `${place}`),
  );
  const child = events.find(({ executionId }) => executionId !== id)?.executionId ?? '';
  const refused = await polos(['execution', 'events', child, '--descendants'], { env });
  expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining(id) });
});

interface Message {
  readonly event?: { readonly executionId: string; readonly type: string };
  readonly cursor?: string;
}

/** Messages of StreamEvents in Connect's JSON, as a page reads them: a byte of flags, four of length, the message. */
async function* fetched(
  url: string,
  request: {
    readonly rootExecutionId: string;
    readonly follow: boolean;
    readonly cursor?: string | undefined;
  },
  signal?: AbortSignal,
): AsyncGenerator<Message> {
  const json = Buffer.from(JSON.stringify(request));
  const body = Buffer.concat([Buffer.alloc(5), json]);
  body.writeUInt32BE(json.length, 1);
  const response = await fetch(`${url}/polos.v1.WorkflowService/StreamEvents`, {
    method: 'POST',
    headers: {
      'content-type': 'application/connect+json',
      'connect-protocol-version': '1',
      origin: 'http://localhost:3000',
    },
    body,
    ...(signal && { signal }),
  });
  expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
  let bytes = Buffer.alloc(0);
  for await (const chunk of response.body ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      const message = JSON.parse(bytes.toString('utf8', 5, end));
      // The last one says how the stream ended.
      if (bytes[0] === 2) expect(message).toEqual({});
      else yield message;
      bytes = bytes.subarray(end);
    }
  }
}
