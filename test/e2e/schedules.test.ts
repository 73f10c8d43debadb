import { defineWorkflow, PolosClient, type SchedulePayload, Worker } from '@polos/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from './cli-process.js';

let stage: Stage;
let client: PolosClient;
beforeAll(async () => {
  stage = await Stage.open();
  client = new PolosClient({ apiUrl: stage.url });
});
afterAll(async () => {
  client?.close();
  await stage?.close();
});

const never = '0 0 30 2 *';

test('a schedule is created, listed, paused, triggered and deleted from the command line', async () => {
  const options = ['--key', 'nightly', '--timezone', 'Asia/Kathmandu', '--payload', '{"name":"Ada"}'];
  const more = ['--queue', 'slow', '--catch-up', '2h', '--paused'];
  const created = await stage.polos(['schedule', 'create', 'greet', '0 3 * * *', ...options, ...more]);
  expect(created).toMatchObject({ status: 0, stderr: 'next: paused\n' });
  const id = created.stdout.trim();
  const { schedules } = await stage.json('schedule', 'list', '--workflow', 'greet');
  const schedule = {
    ...{ id, workflowId: 'greet', key: 'nightly', cron: '0 3 * * *', timezone: 'Asia/Kathmandu' },
    ...{ paused: true, payload: { name: 'Ada' }, queue: 'slow', catchUp: '7200s' },
    createTime: expect.stringMatching(/Z$/),
  };
  expect(schedules).toEqual([schedule]);
  const unpaused = await stage.json('schedule', 'unpause', id);
  expect(unpaused).toEqual({
    ...schedule,
    paused: false,
    nextTime: expect.stringMatching(/T21:15:00.000Z$/),
  });
  const listed = (await stage.polos(['schedule', 'list'])).stdout.trimEnd().split('\n');
  expect(listed[0]).toMatch(/^SCHEDULE +WORKFLOW +KEY +CRON +TIME ZONE +NEXT +LAST$/);
  expect(listed[1]).toMatch(
    /^\S{36} +greet +nightly +0 3 \* \* \* +Asia\/Kathmandu +20.+21:15:00 \(in .+\) +-$/,
  );
  expect(await stage.polos(['schedule', 'pause', id])).toMatchObject({ status: 0, stdout: 'paused\n' });
  const remote = await stage.json('schedule', 'create', 'quiet', never);
  expect(remote).not.toHaveProperty('nextTime');
  expect(remote).toMatchObject({ key: 'global', timezone: 'UTC', catchUp: '86400s', paused: false });

  const first = await stage.json('schedule', 'trigger', `${remote.id}`, '--idempotency-key', 'once');
  expect(await stage.json('schedule', 'trigger', `${remote.id}`, '--idempotency-key', 'once')).toEqual(first);
  const { workflowId, payload } = await stage.json('execution', 'get', `${first.executionId}`);
  expect({ workflowId, payload }).toMatchObject({
    workflowId: 'quiet',
    payload: { scheduleId: remote.id, key: 'global', timezone: 'UTC', lastTimestamp: null, upcoming: [] },
  });
  expect((await stage.polos(['schedule', 'delete', id])).stdout).toBe('deleted\n');
  expect(await stage.polos(['schedule', 'pause', id])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`there is no schedule "${id}" in this project; list the schedules`),
  });
});

test.each([
  [['61 * * * *'], '"61 * * * *" is no cron expression: its minute, "61", should be 0 to 59; write five'],
  [['0 0 0 * * *'], 'it has 6 fields, not five'],
  [['* * * * *', '--timezone', 'Mars'], '"Mars" is no time zone of the IANA database; write one like'],
  [['* * * * *', '--catch-up', '400d'], 'catch_up'],
  [['* * * * *', '--key', 'a\nb'], 'schedule.key'],
])('to create %j is refused, with the reason', async (args, reason) => {
  const { status, stdout, stderr } = await stage.polos(['schedule', 'create', 'greet', ...args]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(reason);
  expect(stderr).toContain('INVALID_ARGUMENT');
});

test('a client looks after schedules, those that a workflow declares included', async () => {
  const report = defineWorkflow<SchedulePayload<{ who: string }>, Record<string, unknown>, unknown>(
    { id: 'report', schedule: { cron: never, timezone: 'Europe/Dublin' } },
    async (_ctx, tick) => ({ ...tick.payload, last: tick.lastTimestamp, key: tick.key }),
    { autoRegister: false },
  );
  const worker = new Worker({ client, workflows: [report], handleSignals: false });
  const running = worker.run();
  await worker.whenRunning();
  const id = await client.schedules.create(report, '0 3 * * *', undefined, undefined, {
    payload: { who: 'Ada' },
    ...{ catchUpSeconds: 60, queue: { name: 'slow' }, paused: true },
  });
  const [global, declared, ...others] = await client.schedules.list(report);
  expect(others).toEqual([]);
  expect(global).toEqual({
    ...{ id, workflowId: 'report', key: 'global', cron: '0 3 * * *', timezone: 'UTC', paused: true },
    ...{ payload: { who: 'Ada' }, catchUpSeconds: 60, queue: 'slow', nextAt: undefined, lastAt: undefined },
    createdAt: expect.any(Date),
  });
  expect(declared).toMatchObject({
    key: 'workflow',
    cron: never,
    timezone: 'Europe/Dublin',
    payload: undefined,
  });
  await client.schedules.unpause(id);
  expect((await client.schedules.list('report'))[0]?.nextAt?.toISOString()).toMatch(/T03:00:00.000Z$/);
  await client.schedules.pause(id);

  const execution = await client.schedules.trigger(id, { idempotencyKey: 'k' });
  expect((await client.schedules.trigger(id, { idempotencyKey: 'k' })).id).toBe(execution.id);
  expect((await client.schedules.trigger(id)).id).not.toBe(execution.id);
  expect(await execution.result()).toEqual({ who: 'Ada', last: null, key: 'global' });
  expect(await client.schedules.create('report', '0 4 * * *')).toBe(id);
  await client.schedules.delete(id);
  await client.schedules.delete(id);
  await expect(client.schedules.pause(id)).rejects.toMatchObject({ name: 'NotFoundError' });
  await expect(client.schedules.create(report, '0 0 3 * * *')).rejects.toMatchObject({
    name: 'InvalidArgumentError',
    message: expect.stringContaining('it has 6 fields, not five'),
  });
  await expect(client.schedules.create(report, '0 25 * * *')).rejects.toMatchObject({
    name: 'InvalidArgumentError',
    message: expect.stringContaining('its hour, "25", should be 0 to 23'),
  });
  await worker.shutdown();
  await running;
});

test('a worker that declares what is no cron expression is told so', async () => {
  const wrong = defineWorkflow({ id: 'wrong', schedule: '0 0 32 * *' }, () => {}, { autoRegister: false });
  const worker = new Worker({ client, workflows: [wrong], handleSignals: false });
  await expect(worker.run()).rejects.toThrow('its day of month, "32", should be 1 to 31');
});

test('more schedules than fit an answer are listed all', async () => {
  const keys = ['a', 'b', 'c', 'd', 'e'];
  const payload = 'x'.repeat(400_000);
  for (const key of keys) await client.schedules.create('bulky', never, 'UTC', key, { payload });
  expect((await client.schedules.list('bulky')).map(({ key }) => key)).toEqual(keys);
  const { schedules } = await stage.json('schedule', 'list', '--workflow', 'bulky');
  expect(schedules).toHaveLength(keys.length);
});
