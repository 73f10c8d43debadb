import { expect, test } from 'vitest';
import { openMemoryStore } from '../store/memory/memory-store.js';
import type { ScheduleView } from './api.js';
import type { Engine } from './engine.js';
import { EngineError } from './errors.js';
import { PROJECT } from './harness.mjs';
import { MortalEngine } from './mortal-engine.mjs';
import { toScheduleRecord } from './schedule-record.js';
import {
  DAY,
  HOUR,
  idle,
  iso,
  MINUTE,
  minutes,
  received,
  START,
  stage,
  times,
  wish,
} from './schedules-stage.mjs';

test('a paused schedule starts nothing, and goes on with the next tick after the pause', async () => {
  const { database, time, engine, schedule } = await stage();
  await time.turn(MINUTE);
  const paused = await engine.pauseSchedule(PROJECT, schedule.id, true);
  expect(paused).toEqual({ ...wish({ paused: true }), ...origin(schedule), lastAt: START + MINUTE });
  await time.turn(5 * MINUTE + 30_000);
  expect(await engine.pauseSchedule(PROJECT, schedule.id, true)).toEqual(paused);
  const unpaused = await engine.pauseSchedule(PROJECT, schedule.id, false);
  expect(unpaused.nextAt).toBe(START + 7 * MINUTE);
  await time.turn(MINUTE);
  expect(await received(database)).toMatchObject([{}, { timestamp: iso(7), lastTimestamp: iso(1) }]);
});

function origin({ id, createdAt }: ScheduleView) {
  return { id, createdAt };
}

test('a schedule that begins paused waits for the end of that', async () => {
  const { database, time, engine, schedule } = await stage({ paused: true });
  await time.turn(HOUR);
  expect(await times(database)).toEqual([]);
  await engine.pauseSchedule(PROJECT, schedule.id, false);
  await time.turn(MINUTE);
  expect(await times(database)).toEqual(minutes(61, 61));
});

test('to ask for the same again changes nothing, also not what is due', async () => {
  const { database, time, server } = await stage();
  server.kill();
  await time.turn(3 * MINUTE);
  const other = await MortalEngine.start(database, time);
  const [again] = await Promise.all([
    other.engine.putSchedule(PROJECT, wish()),
    other.engine.putSchedule(PROJECT, wish({ payload: '1' })),
  ]);
  expect(again?.createdAt).toBe(START);
  await time.turn(1_000);
  expect(await times(database)).toEqual(minutes(1, 3));
});

test('another rule counts from now on: what was due by the former one is dropped', async () => {
  const { database, time, server } = await stage();
  await time.turn(MINUTE);
  server.kill();
  await time.turn(10 * MINUTE);
  const engine = idle(database, time);
  const changed = await engine.putSchedule(PROJECT, wish({ cron: '*/5 * * * *' }));
  expect(changed).toMatchObject({ nextAt: START + 15 * MINUTE, lastAt: START + MINUTE, createdAt: START });
  await engine.start();
  await time.turn(5 * MINUTE);
  expect(await received(database)).toMatchObject([{}, { timestamp: iso(15), lastTimestamp: iso(1) }]);
});

test('once a pause, a deletion or another rule is acknowledged, nothing of before is started any more', async () => {
  const acts: readonly ((engine: Engine, id: string) => Promise<unknown>)[] = [
    (engine, id) => engine.pauseSchedule(PROJECT, id, true),
    (engine, id) => engine.deleteSchedule(PROJECT, id),
    (engine) => engine.putSchedule(PROJECT, wish({ cron: '0 0 1 1 *', payload: '"new"' })),
  ];
  for (const [index, act] of acts.entries()) {
    for (let write = 1; write <= 4; write++) {
      const { database, time, server, schedule } = await stage({ payload: '"old"' });
      server.kill();
      await time.turn(MINUTE);
      // Its tick is due, and half started when that server dies.
      await MortalEngine.start(database, time, { write, when: 'before' });
      await time.turn(500);
      await act(idle(database, time), schedule.id);
      const acknowledged = await received(database);
      await MortalEngine.start(database, time);
      await time.turn(10 * MINUTE);
      expect(await received(database), `act ${index} after write ${write}`).toEqual(acknowledged);
      // Written down as being started, it is started; with the payload that it was to have.
      expect(acknowledged.map(({ payload }) => payload)).toEqual(write === 1 ? [] : ['old']);
    }
  }
});

test('a deleted schedule is gone, may be deleted again for a day, and made anew', async () => {
  const { database, time, engine, schedule } = await stage();
  await time.turn(MINUTE);
  await engine.deleteSchedule(PROJECT, schedule.id);
  await engine.deleteSchedule(PROJECT, schedule.id);
  await time.turn(HOUR);
  expect(await engine.listSchedules(PROJECT)).toEqual({ schedules: [] });
  for (const act of [
    () => engine.pauseSchedule(PROJECT, schedule.id, true),
    () => engine.triggerSchedule(PROJECT, schedule.id),
    () => engine.deleteSchedule(PROJECT, 'unheard of'),
  ]) {
    await expect(act()).rejects.toMatchObject({ problem: { type: 'not_found', resource: 'schedule' } });
  }
  const anew = await engine.putSchedule(PROJECT, wish());
  expect(anew).toMatchObject({ id: schedule.id, createdAt: START + MINUTE + HOUR });
  expect(anew.lastAt).toBeUndefined();
  await time.turn(MINUTE);
  expect(await received(database)).toMatchObject([{}, { timestamp: iso(62), lastTimestamp: null }]);
  await engine.deleteSchedule(PROJECT, schedule.id);
  await time.turn(DAY);
  await expect(engine.deleteSchedule(PROJECT, schedule.id)).rejects.toThrow(EngineError);
  expect(await openMemoryStore(database).listRecords({ group: `schedule["${PROJECT}"]`, limit: 9 })).toEqual(
    [],
  );
});

test('to trigger a schedule starts an execution beside its ticks, once for one key', async () => {
  const { database, time, engine, schedule } = await stage({ cron: '0 0 * * *', paused: true, payload: '7' });
  await time.turn(1_234);
  const first = await engine.triggerSchedule(PROJECT, schedule.id, 'k');
  await time.turn(1_000);
  expect(await engine.triggerSchedule(PROJECT, schedule.id, 'k')).toBe(first);
  expect(await engine.triggerSchedule(PROJECT, schedule.id)).not.toBe(first);
  const [one, two, ...more] = await received(database);
  expect(one).toMatchObject({ timestamp: '2027-01-01T12:00:01.234Z', lastTimestamp: null, payload: 7 });
  expect(two?.upcoming[0]).toBe('2027-01-02T00:00:00.000Z');
  expect(more).toEqual([]);
  expect((await engine.listSchedules(PROJECT)).schedules[0]?.lastAt).toBeUndefined();
  const other = await engine.putSchedule(PROJECT, wish({ key: 'other' }));
  await expect(engine.triggerSchedule(PROJECT, other.id, 'k')).rejects.toMatchObject({
    problem: { type: 'idempotency_mismatch', key: 'k', executionId: first },
  });
});

test('schedules are listed by workflow and key, a page at a time', async () => {
  const { engine } = await stage({ workflowId: 'b', payload: JSON.stringify('x'.repeat(700_000)) });
  for (const [workflowId, key] of [
    ['b', 'z'],
    ['b', 'A'],
    ['a', 'k'],
    ['ab', 'k'],
    ['c', ''],
  ] as const) {
    const payload = key === 'z' ? JSON.stringify('y'.repeat(700_000)) : '1';
    await engine.putSchedule(PROJECT, wish({ workflowId, key, payload }));
  }
  const names = (list: readonly ScheduleView[]) => list.map(({ workflowId, key }) => `${workflowId}/${key}`);
  const first = await engine.listSchedules(PROJECT);
  expect(names(first.schedules)).toEqual(['a/k', 'ab/k', 'b/A', 'b/global']);
  const second = await engine.listSchedules(PROJECT, undefined, first.next);
  expect({ names: names(second.schedules), next: second.next }).toEqual({
    names: ['b/z', 'c/'],
    next: undefined,
  });
  const ofOne = await engine.listSchedules(PROJECT, 'b');
  expect(names(ofOne.schedules)).toEqual(['b/A', 'b/global']);
  expect(names((await engine.listSchedules(PROJECT, 'b', ofOne.next)).schedules)).toEqual(['b/z']);
  expect(await engine.listSchedules('another project')).toEqual({ schedules: [] });
});

test('a project has ten thousand schedules and no more, whatever was deleted', async () => {
  const { database, time, engine, schedule } = await stage({ cron: '0 0 30 2 *' });
  const store = openMemoryStore(database);
  const never = wish({ cron: '0 0 30 2 *' });
  for (let count = 1; count < 10_000; count++) {
    const other = { ...never, key: `${count}`, projectId: PROJECT, createdAt: START, isDeclared: false };
    const { alias: _, ...record } = toScheduleRecord(other);
    await store.commitRecord({ record: { ...record, version: 1 } });
  }
  await time.turn(MINUTE);
  const more = () => engine.putSchedule(PROJECT, wish({ key: 'more' }));
  await expect(more()).rejects.toMatchObject({
    problem: { type: 'limit', name: 'schedules', limit: 10_000, actual: 10_001 },
  });
  expect((await engine.putSchedule(PROJECT, { ...never, payload: '1' })).nextAt).toBeUndefined();
  await engine.deleteSchedule(PROJECT, schedule.id);
  await more();
});

test.each([
  [{ cron: '61 * * * *' }, 'schedule.cron', 'its minute, "61", should be 0 to 59'],
  [{ cron: '* * * * * *' }, 'schedule.cron', 'it has 6 fields, not five'],
  [{ timezone: 'Mars/Olympus' }, 'schedule.timezone', '"Mars/Olympus" is no time zone'],
  [
    { payload: `${'['.repeat(64)}${']'.repeat(64)}` },
    'schedule.payload.json',
    'nested deeper than 63 levels',
  ],
])('%j is refused', async (wrong, field, message) => {
  const { engine } = await stage();
  await expect(engine.putSchedule(PROJECT, wish({ key: 'wrong', ...wrong }))).rejects.toMatchObject({
    problem: { type: 'invalid', field, message: expect.stringContaining(message) },
  });
  expect((await engine.listSchedules(PROJECT)).schedules).toHaveLength(1);
});

test('a payload that leaves no room for the tick is refused', async () => {
  const { engine } = await stage();
  const put = (bytes: number) =>
    engine.putSchedule(PROJECT, wish({ payload: JSON.stringify('x'.repeat(bytes - 2)) }));
  await put(2_095_104);
  await expect(put(2_095_105)).rejects.toMatchObject({
    problem: { name: 'payload_bytes', limit: 2_095_104 },
  });
});
