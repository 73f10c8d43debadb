import { expect, test } from 'vitest';
import type { ScheduleView, WorkflowDefinition } from './api.js';
import { Harness, PROJECT } from './harness.mjs';
import { CATCH_UP_MS_DEFAULT } from './schedule-record.js';
import { HOUR, MINUTE } from './schedules-stage.mjs';

const everyMinute = { cron: '* * * * *', timezone: 'UTC' };

function report(schedule?: WorkflowDefinition['schedule']) {
  return { id: 'report', ...(schedule && { schedule }) };
}

async function listed({ engine }: Harness): Promise<readonly ScheduleView[]> {
  return (await engine.listSchedules(PROJECT)).schedules;
}

async function ticks({ store }: Harness): Promise<number> {
  return (await store.list({ projectId: PROJECT, workflowId: 'report', limit: 10_000 })).length;
}

test('a registration creates the schedule that it declares, and it ticks', async () => {
  const harness = await Harness.open();
  await harness.register([report(everyMinute)]);
  const [schedule, ...others] = await listed(harness);
  expect(others).toEqual([]);
  const rest = { workflowId: 'report', key: 'workflow', paused: false, catchUpMs: CATCH_UP_MS_DEFAULT };
  expect(schedule).toMatchObject({ ...everyMinute, ...rest });
  await harness.clock.turn(3 * MINUTE);
  expect(await ticks(harness)).toBe(3);
});

test('workers of three servers that register over and over disturb no tick', async () => {
  const harnesses = await Harness.openBeside(3);
  const [first] = harnesses as [Harness];
  await Promise.all(harnesses.map((harness) => harness.register([report(everyMinute)])));
  const begin = (await listed(first))[0]?.nextAt ?? 0;
  for (let turn = 0; turn < 120; turn++) {
    await Promise.all(harnesses.map((harness) => harness.register([report(everyMinute)])));
    // Not in step with the minutes, so that some come at the beat of a tick.
    await first.clock.turn(10_000 + turn * 10);
  }
  const end = first.clock.now();
  await first.clock.turn(2_000);
  expect(await ticks(first)).toBe(Math.floor((end - begin) / MINUTE) + 1);
  expect(await listed(first)).toHaveLength(1);
  expect(harnesses.flatMap(({ faults }) => faults)).toEqual([]);
});

test('a changed declaration keeps what is not declared, and the same one keeps a pause', async () => {
  const harness = await Harness.open();
  await harness.register([report(everyMinute)]);
  await harness.clock.turn(MINUTE);
  const [{ id, lastAt, createdAt } = { id: '' }] = await listed(harness);
  expect(lastAt).toBeDefined();
  const mine = { workflowId: 'report', key: 'workflow', paused: false, payload: '1', catchUpMs: HOUR };
  await harness.engine.putSchedule(PROJECT, { ...mine, ...everyMinute });
  await harness.engine.pauseSchedule(PROJECT, id, true);
  await harness.register([report(everyMinute)]);
  expect(await listed(harness)).toEqual([{ ...mine, ...everyMinute, paused: true, id, lastAt, createdAt }]);
  const daily = { cron: '0 3 * * *', timezone: 'Europe/Berlin' };
  await harness.register([report(daily)]);
  expect(await listed(harness)).toEqual([{ ...mine, ...daily, paused: true, id, lastAt, createdAt }]);
  const unpaused = await harness.engine.pauseSchedule(PROJECT, id, false);
  expect(new Date(unpaused.nextAt ?? 0).toISOString()).toMatch(/T02:00:00.000Z$/);
});

test('what is no longer declared is removed, and what somebody created is not', async () => {
  const harness = await Harness.open();
  await harness.register([report(everyMinute), { id: 'other' }]);
  const rest = { cron: '0 0 30 2 *', timezone: 'UTC', paused: false, catchUpMs: 0 };
  await harness.engine.putSchedule(PROJECT, { ...rest, workflowId: 'report', key: 'global' });
  await harness.engine.putSchedule(PROJECT, { ...rest, workflowId: 'other', key: 'workflow' });
  await harness.register([report(), { id: 'other' }]);
  const names = (await listed(harness)).map(({ workflowId, key }) => `${workflowId}/${key}`);
  expect(names).toEqual(['other/workflow', 'report/global']);
  await harness.clock.turn(HOUR);
  expect(await ticks(harness)).toBe(0);
  await harness.register([report(everyMinute)]);
  await harness.clock.turn(MINUTE);
  expect(await ticks(harness)).toBe(1);
});

test('a worker that registers without a workflow leaves the schedule of that alone', async () => {
  const harness = await Harness.open();
  await harness.register([report(everyMinute)]);
  await harness.register(['other']);
  expect(await listed(harness)).toHaveLength(1);
});

test('a registration with a wrong cron is refused as a whole, and says where it is wrong', async () => {
  const harness = await Harness.open();
  const wrong = { cron: '0 25 * * *', timezone: 'UTC' };
  const schemas = { payload: '{"type":"string"}' };
  await expect(harness.register([{ id: 'a', schemas }, report(wrong)])).rejects.toMatchObject({
    problem: {
      ...{ type: 'invalid', field: 'workflows[1].schedule.cron' },
      message: expect.stringContaining('its hour, "25", should be 0 to 23'),
    },
  });
  const elsewhere = { cron: '0 3 * * *', timezone: 'Berlin' };
  await expect(harness.register([report(elsewhere)])).rejects.toMatchObject({
    problem: { type: 'invalid', field: 'workflows[0].schedule.timezone' },
  });
  expect(await harness.engine.listSchemas(PROJECT)).toEqual([]);
});
