import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import { HandClock, settled } from './hand-clock.mjs';
import { accept, DONE, Harness, PROJECT, SUSPEND } from './harness.mjs';
import { intercepted } from './slow-store.mjs';
import {
  awaits,
  begun,
  given,
  publish,
  published,
  publishes,
  publishOnce,
  publishTo,
  servers,
  TOPIC,
} from './topics-stage.mjs';

describe('publishing', () => {
  test('numbers the events of a topic from 1 on, and keeps them as they were', async () => {
    const harness = await Harness.open();
    expect(await publish(harness, '{"amount":5}', '0')).toEqual([1, 2]);
    expect(await publishTo(harness, 'others', '1')).toEqual([1]);
    const events = [
      { type: 'raw', data: { data: new Uint8Array([0, 255]), encoding: 'x' } },
      { type: 'empty' },
    ];
    expect(await harness.engine.publish(PROJECT, { topic: TOPIC, events, digest: '' })).toEqual([3, 4]);
    const at = harness.clock.now();
    expect(await published(harness)).toEqual([
      { topic: TOPIC, sequence: 1, type: 'paid', data: { json: '{"amount":5}' }, at },
      { topic: TOPIC, sequence: 2, type: 'paid', data: { json: '0' }, at },
      { topic: TOPIC, sequence: 3, at, ...events[0] },
      { topic: TOPIC, sequence: 4, at, ...events[1] },
    ]);
  });

  test('under a key happens once; the key with other events is refused', async () => {
    const [here, there] = await servers(2);
    expect(await publishOnce(here, 'k', '1')).toEqual([1]);
    expect(await publishOnce(here, 'k', '1')).toEqual([1]);
    expect(await publishOnce(there as Harness, 'k', '1')).toEqual([1]);
    await expect(publishOnce(there as Harness, 'k', '2')).rejects.toMatchObject({
      problem: { type: 'idempotency_mismatch', key: 'k' },
    });
    expect(await publishOnce(here, 'l', '1')).toEqual([2]);
  });

  test('to a topic of another project is not seen in this one', async () => {
    const harness = await Harness.open();
    const events = [{ type: 'secret' }];
    await harness.engine.publish('p2', { topic: TOPIC, events, digest: '', idempotencyKey: 'k' });
    expect(await published(harness)).toEqual([]);
    expect(await publishOnce(harness, 'k', '1')).toEqual([1]);
  });

  test('by a step happens once, with the id of its execution, in the order of the steps', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, publishes('a', '1'), publishes('b', '2'), publishes('c', '3'), DONE);
    await settled();
    expect(await published(harness)).toMatchObject([
      { sequence: 1, data: { json: '1' }, executionId },
      { sequence: 2, data: { json: '2' }, executionId },
      { sequence: 3, data: { json: '3' }, executionId },
    ]);
  });
});

describe('a wait is given', () => {
  test('an event that comes after it, as JSON', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    expect(await harness.engine.getExecution(PROJECT, executionId)).toMatchObject({ reason: 'event' });
    await publish(harness, '{"amount":5}');
    await settled();
    expect(await harness.status(executionId)).toBe('queued');
    expect(await given(harness, executionId, 'pay')).toEqual({
      ...{ topic: TOPIC, sequence: 1, type: 'paid', data: { amount: 5 } },
      createTime: new Date(harness.clock.now()).toISOString(),
    });
  });

  test('one that came before it, and after the execution was created; none that came earlier', async () => {
    const harness = await Harness.open();
    await publish(harness, '"too early"');
    await harness.clock.turn(1);
    const { executionId, assignment } = await begun(harness);
    await publish(harness, '"mine"', '"next"');
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    expect(await given(harness, executionId, 'pay')).toMatchObject({ sequence: 2, data: 'mine' });
  });

  test('nothing while all that there is came before it was created', async () => {
    const harness = await Harness.open();
    await publish(harness, '1', '2');
    await harness.clock.turn(1);
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await settled();
    expect(await harness.status(executionId)).toBe('waiting');
    await publish(harness, '3');
    await settled();
    expect(await given(harness, executionId, 'pay')).toMatchObject({ sequence: 3 });
  });

  test('the very first since it was created, wherever that is in a long topic', async () => {
    const harness = await Harness.open();
    const executionIds: string[] = [];
    for (let round = 0; round < 70; round++) {
      executionIds.push(await harness.invoke());
      // Some were created in the same millisecond as an event, some have several until the next.
      if (round % 3 !== 0) await harness.clock.turn(1);
      if (round % 5 !== 0) await publish(harness, ...['1', '2', '3'].slice(0, 1 + (round % 3)));
      if (round % 2 === 0) await harness.clock.turn(1);
    }
    await publish(harness, '"last"');
    const events = await published(harness);
    await harness.restart();
    const worker = await harness.register();
    for (const assignment of await harness.takeAll(worker)) {
      await harness.complete(assignment, awaits('pay'), SUSPEND);
    }
    await settled();
    for (const executionId of executionIds) {
      const { createdAt } = await harness.execution(executionId);
      const first = events.find(({ at }) => at >= createdAt);
      expect(await given(harness, executionId, 'pay')).toMatchObject({ sequence: first?.sequence });
    }
  });

  test('the first after its cursor, however long ago that was', async () => {
    const harness = await Harness.open();
    await publish(harness, '1', '2', '3');
    const { executionId, assignment } = await begun(harness);
    await harness.complete(
      assignment,
      awaits('a', { afterEvent: 0 }),
      awaits('b', { afterEvent: 2 }),
      SUSPEND,
    );
    await settled();
    expect(await given(harness, executionId, 'a')).toMatchObject({ sequence: 1 });
    expect(await given(harness, executionId, 'b')).toMatchObject({ sequence: 3 });
  });

  test('the one after that which the execution was given last: a loop sees each once, in order', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const executionId = await harness.invoke();
    const numbers: unknown[] = [];
    let assignment = await harness.take(worker);
    await publish(harness, '1', '2');
    for (let round = 0; round < 6; round++) {
      const key = `event ${round}`;
      await harness.complete(assignment, awaits(key), SUSPEND);
      if (round % 2 === 1) await publish(harness, '1', '2');
      await settled();
      numbers.push((await given(harness, executionId, key))?.sequence);
      if (assignment.execution.status === 'running' && (await harness.status(executionId)) === 'queued')
        assignment = await harness.take(worker);
      await harness.complete(assignment, accept(key));
    }
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('the same event as another that began with the same cursor', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('a'), awaits('b'), awaits('c', { topic: 'quiet' }), SUSPEND);
    await publish(harness, '1', '2');
    await settled();
    expect(await given(harness, executionId, 'a')).toMatchObject({ sequence: 1 });
    expect(await given(harness, executionId, 'b')).toMatchObject({ sequence: 1 });
    expect(await given(harness, executionId, 'c')).toBeUndefined();
  });

  test('bytes as base64 text, with their encoding, and nothing for "no value"', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    const data = { data: new Uint8Array([1, 2, 253]), encoding: 'aes' };
    await harness.complete(
      assignment,
      awaits('raw', { afterEvent: 0 }),
      awaits('empty', { afterEvent: 1 }),
      SUSPEND,
    );
    const events = [{ type: 'raw', data }, { type: 'empty' }];
    await harness.engine.publish(PROJECT, { topic: TOPIC, events, digest: '' });
    await settled();
    const raw = await given(harness, executionId, 'raw');
    expect(raw).toMatchObject({ bytes: 'AQL9', encoding: 'aes' });
    expect(raw).not.toHaveProperty('data');
    expect(Object.keys((await given(harness, executionId, 'empty')) ?? {})).toEqual([
      'topic',
      'sequence',
      'type',
      'createTime',
    ]);
  });

  test('what another execution publishes, with its id', async () => {
    const harness = await Harness.open();
    const waits = await begun(harness);
    await harness.complete(waits.assignment, awaits('pay'), SUSPEND);
    const pays = await begun(harness);
    await harness.complete(pays.assignment, publishes('say', '7'), DONE);
    await settled();
    expect(await given(harness, waits.executionId, 'pay')).toMatchObject({
      data: 7,
      executionId: pays.executionId,
    });
  });

  test('its event while a worker holds the execution, which is told', async () => {
    const harness = await Harness.open();
    const stream = await harness.openWork(await harness.register());
    stream.session.grant(1);
    await harness.invoke();
    await settled();
    const [assignment] = stream.assignments;
    if (!assignment) throw new Error('no assignment');
    await harness.complete(assignment, awaits('pay'));
    await publish(harness, '1');
    await settled();
    expect(stream.notices).toMatchObject([{ outcomes: [{ key: 'pay', outcome: { type: 'completed' } }] }]);
  });

  test('its event while a worker holds the execution that talks to several servers', async () => {
    const [here, there] = await servers(2);
    const worker = await here.register();
    const executionId = await here.invoke();
    await here.complete(await here.take(worker), awaits('pay'));
    await settled();
    const stream = await (there as Harness).openWork(worker);
    await publish(there as Harness, '1');
    await settled();
    expect(stream.notices).toMatchObject([{ executionId, outcomes: [{ key: 'pay', outcome: {} }] }]);
  });

  test('nothing of a topic of the same name in another project', async () => {
    const harness = await Harness.open();
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay'), SUSPEND);
    await harness.engine.publish('p2', { topic: TOPIC, events: [{ type: 'secret' }], digest: '' });
    await settled();
    expect(await harness.status(executionId)).toBe('waiting');
  });

  test.each(['__proto__', 'constructor', 'a"],["b\\', 'ñ/é', 'toString'])(
    'an event of the topic %j, as of any other',
    async (topic) => {
      const harness = await Harness.open();
      const { executionId, assignment } = await begun(harness);
      await harness.complete(assignment, awaits('a', { topic }), SUSPEND);
      await publishTo(harness, topic, '1', '2');
      await settled();
      expect(await given(harness, executionId, 'a')).toMatchObject({ topic, sequence: 1 });
      await harness.complete(
        await harness.take(await harness.register()),
        accept('a'),
        awaits('b', { topic }),
        SUSPEND,
      );
      await settled();
      expect(await given(harness, executionId, 'b')).toMatchObject({ topic, sequence: 2 });
      expect(harness.faults).toEqual([]);
    },
  );
});

describe('a wait with a timeout', () => {
  test('fails once that has passed, and the event that comes later is there for the next wait', async () => {
    const harness = await Harness.open();
    const worker = await harness.register();
    const executionId = await harness.invoke();
    await harness.complete(await harness.take(worker), awaits('pay', { timeoutMs: 1_000 }), SUSPEND);
    await harness.clock.turn(1_000);
    const { steps } = await harness.engine.listSteps(PROJECT, executionId, 0);
    expect(steps).toMatchObject([{ outcome: { type: 'failed', failure: { type: 'WaitTimeoutError' } } }]);
    await publish(harness, '1');
    await harness.complete(await harness.take(worker), accept('pay'), awaits('again'), SUSPEND);
    await settled();
    expect(await given(harness, executionId, 'again')).toMatchObject({ sequence: 1 });
  });

  test('is given what was published in time, although the server died before it could say so', async () => {
    const inner = openMemoryStore();
    let isDown = false;
    const dying = intercepted(inner, (method, call) =>
      isDown && method === 'listWaiting' ? new Promise(() => {}) : call(),
    );
    const harness = await Harness.open(dying);
    const { executionId, assignment } = await begun(harness);
    await harness.complete(assignment, awaits('pay', { timeoutMs: 5_000 }), SUSPEND);
    await settled();
    isDown = true;
    await publish(harness, '1');
    const clock = new HandClock(harness.clock.now() + 60_000);
    const next = new Harness(inner, clock);
    await next.engine.start();
    await settled();
    expect(await given(next, executionId, 'pay')).toMatchObject({ sequence: 1 });
  });
});
