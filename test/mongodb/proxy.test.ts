import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { TcpProxy } from './proxy.js';

const DELAY_MS = 100;
/** What timers may be early. */
const TIMER_MS = 5;
/** Long enough for what should not come through to come through. */
const SILENCE_MS = 50;

test('takes bytes both ways, and the end of each way', async () => {
  const { dial } = await echo();
  const socket = await dial();
  const large = Buffer.alloc(5_000_000, 'x');
  socket.end(large);
  const received = await socket.toArray();
  expect(Buffer.concat(received).equals(large)).toBe(true);
});

test('cut resets connections and new ones, until it is healed', async () => {
  const { dial, proxy } = await echo();
  const old = await dial();
  const reset = once(old, 'data');
  proxy.cut();
  await expect(reset).rejects.toThrow('ECONNRESET');
  await expect(dial().then((socket) => once(socket, 'data'))).rejects.toThrow('ECONNRESET');
  proxy.heal();
  expect(await ask(await dial(), 'a')).toBe('a');
});

test('freeze keeps connections and bytes, and takes new ones, until it is healed', async () => {
  const { dial, proxy } = await echo();
  const old = await dial();
  expect(await ask(old, 'a')).toBe('a');
  proxy.freeze();
  const answers = [ask(old, 'b'), ask(await dial(), 'c')];
  expect(await Promise.race([...answers, wait(SILENCE_MS, 'silence')])).toBe('silence');
  proxy.heal();
  expect(await Promise.all(answers)).toEqual(['b', 'c']);
});

test('what is done to one origin leaves the others alone', async () => {
  const origins = [{ name: 'first' }, { name: 'second' }];
  let count = 0;
  const { dial, proxy } = await echo(() => origins[count++]);
  const first = await dial();
  const second = await dial();
  proxy.freeze(origins[0]);
  const late = ask(first, 'late');
  expect(await ask(second, 'a')).toBe('a');
  proxy.heal(origins[0]);
  expect(await late).toBe('late');
  proxy.cut(origins[1]);
  await expect(once(second, 'data')).rejects.toThrow('ECONNRESET');
  expect(await ask(first, 'b')).toBe('b');
});

test('delay makes each chunk late and keeps the order', async () => {
  const { dial, proxy } = await echo();
  const socket = await dial();
  proxy.delay(DELAY_MS);
  const startedAt = performance.now();
  expect(await ask(socket, 'a', 'b', 'c')).toBe('abc');
  expect(performance.now() - startedAt).toBeGreaterThan(2 * DELAY_MS - TIMER_MS);
});

/** A server that says what it hears, behind a proxy. */
async function echo(originOf?: () => object | undefined) {
  const server = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port: target } = server.address() as AddressInfo;
  const proxy = await TcpProxy.start(originOf ? { target, originOf } : { target });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  const dial = async (): Promise<Socket> => {
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    onTestFinished(() => void socket.on('error', () => {}).destroy());
    return socket;
  };
  return { proxy, dial };
}

/** Says something, in pieces; resolves to as much of the answer. */
async function ask(socket: Socket, ...pieces: readonly string[]): Promise<string> {
  for (const piece of pieces) socket.write(piece);
  let answer = '';
  while (answer.length < pieces.join('').length) answer += (await once(socket, 'data'))[0];
  return answer;
}
