import { expect, onTestFinished, test } from 'vitest';
import { startServer } from './clients-server.js';

/** One message of a Connect stream, as a browser's `fetch` gets it. */
interface Frame {
  readonly isEnd: boolean;
  readonly message: {
    readonly cursor?: string;
    readonly event?: {
      readonly sequence: string;
      readonly type: string;
      readonly data?: { readonly json: string };
    };
    readonly error?: { readonly code: string; readonly message: string };
  };
}

/** A unary call with nothing but `fetch`. */
async function call(url: string, method: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/polos.v1.WorkflowService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** The messages of StreamEvents: each has a byte of flags before it, 2 for the end, and four with its length. */
async function* follow(url: string, request: object): AsyncGenerator<Frame> {
  const text = new TextEncoder().encode(JSON.stringify(request));
  const body = new Uint8Array(5 + text.length);
  new DataView(body.buffer).setUint32(1, text.length);
  body.set(text, 5);
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const response = await fetch(`${url}/polos.v1.WorkflowService/StreamEvents`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json', 'connect-protocol-version': '1' },
    body,
    signal: leave.signal,
  });
  let left = Buffer.alloc(0);
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 5 && left.length >= 5 + left.readUInt32BE(1)) {
      const end = 5 + left.readUInt32BE(1);
      yield { isEnd: left[0] === 2, message: JSON.parse(left.subarray(5, end).toString() || '{}') };
      left = left.subarray(end);
    }
  }
}

test('a browser publishes, follows a topic, and goes on after a break where it was', async () => {
  const { url } = await startServer();
  const events = [
    { type: 'paid', data: { json: '{"amount":5}' } },
    { type: 'sent', data: { json: '"ñ"' } },
  ];
  const publication = { topic: 'orders/ñ', events, idempotencyKey: 'k' };
  expect(await call(url, 'PublishEvents', publication)).toEqual({ sequences: ['1', '2'] });
  expect(await call(url, 'PublishEvents', publication)).toEqual({ sequences: ['1', '2'] });
  const other = { ...publication, events: [{ type: 'paid' }] };
  expect(await call(url, 'PublishEvents', other)).toMatchObject({ code: 'already_exists' });

  const first = follow(url, { topic: 'orders/ñ', follow: true });
  const one = (await first.next()).value as Frame;
  expect(one.message).toMatchObject({
    cursor: '1',
    event: { ...events[0], sequence: '1', topic: 'orders/ñ' },
  });
  await first.return(undefined);

  const second = follow(url, { topic: 'orders/ñ', cursor: one.message.cursor, follow: true });
  expect(((await second.next()).value as Frame).message).toMatchObject({ cursor: '2', event: events[1] });
  await call(url, 'PublishEvents', { topic: 'orders/ñ', events: [{ type: 'late' }] });
  expect(((await second.next()).value as Frame).message).toMatchObject({
    cursor: '3',
    event: { type: 'late' },
  });
});

test('without follow the stream has its end after what is there, and an error is in it', async () => {
  const { url } = await startServer();
  const frames = async (request: object) => {
    const found: Frame[] = [];
    for await (const frame of follow(url, request)) found.push(frame);
    return found;
  };
  expect(await frames({ topic: 'nothing yet' })).toEqual([{ isEnd: true, message: {} }]);
  for (const request of [
    { topic: 'a\u0007b' },
    { topic: '' },
    { topic: 't', cursor: '9' },
    { topic: 't', cursor: 'x' },
    {},
  ]) {
    expect(await frames(request)).toMatchObject([
      { isEnd: true, message: { error: { code: 'invalid_argument' } } },
    ]);
  }
});

test('what is no publication is refused with the field, and nothing of it is there', async () => {
  const { url } = await startServer();
  const paid = { type: 'paid', data: { json: '1' } };
  const refusals: readonly (readonly [object, string])[] = [
    [{ topic: 'a\u0000b', events: [paid] }, 'topic'],
    [{ topic: 'x'.repeat(513), events: [paid] }, 'topic'],
    [{ topic: 't', events: [] }, 'events'],
    [{ topic: 't', events: [paid, { type: '' }] }, 'events[1].type'],
    [{ topic: 't', events: [paid, { type: 'x', data: { json: '{' } }] }, 'events[1].data.json'],
    [{ topic: 't', events: [paid], idempotencyKey: 'x'.repeat(201) }, 'idempotency_key'],
  ];
  for (const [request, field] of refusals) {
    const { code, message } = await call(url, 'PublishEvents', request);
    expect({ code, message }).toEqual({ code: 'invalid_argument', message: expect.stringContaining(field) });
  }
  const large = { topic: 't', events: [paid, { type: 'x', data: { json: `"${'x'.repeat(2_097_151)}"` } }] };
  expect(await call(url, 'PublishEvents', large)).toMatchObject({
    code: 'resource_exhausted',
    message: expect.stringContaining('events[1].data'),
  });
  const next = await call(url, 'PublishEvents', { topic: 't', events: [paid] });
  expect(next).toEqual({ sequences: ['1'] });
});
