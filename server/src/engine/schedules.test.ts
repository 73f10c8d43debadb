import { expect, test } from 'vitest';
import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import { HandClock } from './hand-clock.mjs';
import { Harness, PROJECT } from './harness.mjs';
import { MortalEngine } from './mortal-engine.mjs';
import { DAY, HOUR, iso, MINUTE, minutes, received, START, stage, times, wish } from './schedules-stage.mjs';

test('an execution receives the tick, the one before it, those to come, and the payload', async () => {
  const { database, time, schedule } = await stage({ cron: '30 * * * *', payload: '{"to":["Ada"]}' });
  await time.turn(2 * HOUR);
  const rest = { timezone: 'UTC', scheduleId: schedule.id, key: 'global', payload: { to: ['Ada'] } };
  expect(await received(database)).toEqual([
    {
      ...{ ...rest, timestamp: iso(30), lastTimestamp: null },
      upcoming: [90, 150, 210, 270, 330].map(iso),
    },
    {
      ...{ ...rest, timestamp: iso(90), lastTimestamp: iso(30) },
      upcoming: [150, 210, 270, 330, 390].map(iso),
    },
  ]);
});

test('a schedule says when it ticks next and when it ticked last', async () => {
  const { time, engine, schedule } = await stage();
  expect(schedule).toEqual({ ...wish(), id: schedule.id, createdAt: START, nextAt: START + MINUTE });
  await time.turn(90_000);
  const after = { ...schedule, lastAt: START + MINUTE, nextAt: START + 2 * MINUTE };
  expect((await engine.listSchedules(PROJECT)).schedules).toEqual([after]);
});

test('a day of minutes over three servers and 20 deaths starts each tick once, with the right times', async () => {
  const { database, time, server } = await stage();
  const servers = [
    server,
    await MortalEngine.start(database, time),
    await MortalEngine.start(database, time),
  ];
  for (let death = 0; death < 20; death++) {
    // At the beat of a tick, or a little after it, with every other one of the servers left alone for a while.
    await time.turn(DAY / 20 - 7_000 * (death % 3));
    servers[death % 3]?.kill();
    await time.turn(7_000 * (death % 3));
    servers[death % 3] = await MortalEngine.start(database, time);
  }
  await time.turn(5_000);
  const got = await received(database);
  expect(got.map(({ timestamp }) => timestamp)).toEqual(minutes(1, 1_440));
  expect(got.map(({ lastTimestamp }) => lastTimestamp)).toEqual([null, ...minutes(1, 1_439)]);
  expect(servers.flatMap(({ faults }) => faults)).toEqual([]);
});

test('wherever a server dies, the tick starts one execution, and the next one follows', async () => {
  for (const when of ['before', 'after'] as const) {
    for (let write = 1; ; write++) {
      const { database, time, server } = await stage();
      server.kill();
      const dying = await MortalEngine.start(database, time, { write, when });
      await time.turn(2 * MINUTE);
      const isOver = dying.isAlive;
      await MortalEngine.start(database, time);
      await time.turn(MINUTE + 10_000);
      const got = await received(database);
      expect(
        got.map(({ timestamp }) => timestamp),
        `dying ${when} write ${write}`,
      ).toEqual(minutes(1, 3));
      expect(got.map(({ lastTimestamp }) => lastTimestamp)).toEqual([null, ...minutes(1, 2)]);
      // Two ticks of three writes each.
      if (isOver) {
        expect(write).toBeGreaterThan(6);
        break;
      }
    }
  }
});

test('a tick is started on time, and by another server soon after if its own is gone', async () => {
  const { database, time, server } = await stage();
  await time.turn(MINUTE - 1);
  expect(await times(database)).toEqual([]);
  await time.turn(1);
  expect(await times(database)).toEqual(minutes(1, 1));
  await MortalEngine.start(database, time);
  server.kill();
  await time.turn(MINUTE + 1_500);
  expect(await times(database)).toEqual(minutes(1, 2));
});

test('ticks that nobody was there for are made up one after the other, none of them older than the window', async () => {
  const { database, time, server } = await stage({ catchUpMs: 2 * HOUR });
  server.kill();
  await time.turn(DAY);
  const next = await MortalEngine.start(database, time);
  await time.turn(1_000);
  const got = await received(database);
  expect(got.map(({ timestamp }) => timestamp)).toEqual(minutes(1_440 - 120, 1_440));
  expect(got.map(({ lastTimestamp }) => lastTimestamp)).toEqual([null, ...minutes(1_440 - 120, 1_439)]);
  const { schedules } = await next.engine.listSchedules(PROJECT);
  expect(schedules).toMatchObject([{ lastAt: START + DAY, nextAt: START + DAY + MINUTE }]);
  const created = await openMemoryStore(database).list({ projectId: PROJECT, limit: 1_000 });
  expect(new Set(created.map(({ createdAt }) => createdAt)).size).toBe(1);
});

test('with a window of nothing only a tick that is a minute late or less is started', async () => {
  const { database, time, server } = await stage({ catchUpMs: 0 });
  server.kill();
  await time.turn(10 * MINUTE + 20_000);
  await MortalEngine.start(database, time);
  await time.turn(1_000);
  expect(await times(database)).toEqual(minutes(10, 10));
});

test('ticks older than the window leave the next one where it is', async () => {
  const { database, time, server } = await stage({ cron: '0 0 * * *', catchUpMs: HOUR });
  server.kill();
  await time.turn(2 * DAY);
  const next = await MortalEngine.start(database, time);
  await time.turn(1_000);
  expect(await times(database)).toEqual([]);
  const [schedule] = (await next.engine.listSchedules(PROJECT)).schedules;
  expect(schedule?.nextAt).toBe(START + 2.5 * DAY);
  expect(schedule?.lastAt).toBeUndefined();
});

test('a clock that is set back repeats no tick, and one that is set forward leaves none out', async () => {
  const database = new MemoryDatabase();
  const time = new HandClock(START);
  const server = await MortalEngine.start(database, time);
  await server.engine.putSchedule(PROJECT, wish());
  await time.turn(10 * MINUTE);
  server.kill();
  const back = new HandClock(START + 5 * MINUTE);
  const second = await MortalEngine.start(database, back);
  await back.turn(6 * MINUTE + 1_000);
  expect(await times(database)).toEqual(minutes(1, 11));
  // Asked for anew in the past, it ticks at times that it has ticked at.
  second.kill();
  const again = new HandClock(START + 8 * MINUTE);
  const third = await MortalEngine.start(database, again);
  const [{ id } = { id: '' }] = (await third.engine.listSchedules(PROJECT)).schedules;
  await third.engine.pauseSchedule(PROJECT, id, true);
  await third.engine.pauseSchedule(PROJECT, id, false);
  await again.turn(4 * MINUTE + 1_000);
  expect(await times(database)).toEqual(minutes(1, 12));
  third.kill();
  const forward = new HandClock(START + 30 * MINUTE);
  await MortalEngine.start(database, forward);
  await forward.turn(1_000);
  expect(await times(database)).toEqual(minutes(1, 30));
});

test('a payload that does not fit the schema of the workflow starts an execution all the same', async () => {
  const harness = await Harness.open();
  const payload = '{"type":"object","required":["nothing of that name"]}';
  const worker = await harness.register([{ id: 'report', schemas: { payload, state: payload } }]);
  const { id } = await harness.engine.putSchedule(PROJECT, wish());
  await harness.clock.turn(MINUTE);
  expect((await harness.take(worker)).execution.workflowId).toBe('report');
  // Somebody is there to be told.
  await expect(harness.engine.triggerSchedule(PROJECT, id)).rejects.toMatchObject({
    problem: { type: 'schema_violation' },
  });
  expect(harness.faults).toEqual([]);
});
