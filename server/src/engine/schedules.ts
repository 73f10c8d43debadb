import { JSON_DEPTH_MAX, jsonDepth, utf8Bytes } from '../core/json.js';
import { PAYLOAD_BYTES_MAX } from '../core/limits.js';
import type { RecordName, Store, StoredRecord } from '../store/store.js';
import type {
  Invoked,
  InvokeRequest,
  SchedulePage,
  ScheduleRequest,
  ScheduleView,
  WorkerRegistration,
  WorkflowDefinition,
} from './api.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { idOfParts } from './ids.js';
import { changeRecord, recordPages } from './records.js';
import {
  CATCH_UP_MS_DEFAULT,
  DECLARED_KEY,
  type Schedule,
  scheduleGroup,
  scheduleId,
  scheduleName,
  scheduleOf,
  schedulePrefix,
  scheduleView,
  toScheduleRecord,
} from './schedule-record.js';
import { aimed, checkedTicks, ticked, tickPayload, withoutStarting } from './schedule-ticks.js';

/** What schedules ask of the rest of the engine. */
export interface SchedulesPort {
  readonly store: Store;
  readonly clock: Clock;
  /** Starts an execution for a caller. */
  invoke(request: InvokeRequest): Promise<Invoked>;
  /** Starts an execution that nobody asks for: what does not fit the schemas fails at its worker. */
  start(request: InvokeRequest): Promise<Invoked>;
  /** A record was given this `dueAt`. */
  noteDue(at: number): void;
}

/** Schedules of a project. */
const SCHEDULES_MAX = 10_000;

/** What a tick adds to the payload of its schedule, with room to spare. */
const TICK_BYTES = 2_048;
const TICK_DEPTH = 1;

/** Ticks of one schedule that are made up before others get their turn. */
const TICKS_AT_ONCE = 100;

/** Records that are read at once, and about how many bytes of them a page holds. */
const READ = 50;
const PAGE_BYTES = 1_048_576;

/** For how long a project's schedules are not counted anew. */
const COUNT_MS = 10_000;

/**
 * The rules that start executions at times.
 *
 * Each schedule is a record that is due at its next tick. A tick is first written down as the one that is being started, with
 * the next one behind it; then its execution is started under an id that follows from schedule and tick; then the record is
 * settled. So each tick starts one execution, wherever a server dies; and because whoever changes a schedule starts what is
 * written down first, nothing is started any more once a pause or a removal is acknowledged.
 */
export class Schedules {
  private readonly port: SchedulesPort;
  private readonly counts = new Map<string, { readonly at: number; count: number }>();

  constructor(port: SchedulesPort) {
    this.port = port;
  }

  /** See EngineApi. */
  async put(projectId: string, request: ScheduleRequest): Promise<ScheduleView> {
    checkedTicks(request, 'schedule');
    checkPayload(request);
    const now = this.port.clock.now();
    const schedule = await this.change(scheduleName(projectId, request), (before) =>
      before ? replaced(before, request, now) : this.created(projectId, request, { isDeclared: false }),
    );
    return scheduleView(found(schedule, ''));
  }

  /** See EngineApi. */
  async list(projectId: string, workflowId?: string, after?: string): Promise<SchedulePage> {
    const prefix = workflowId === undefined ? '' : schedulePrefix(workflowId);
    const schedules: ScheduleView[] = [];
    let bytes = 0;
    for await (const record of this.records(projectId, after ?? prefix)) {
      if (!record.id.startsWith(prefix)) break;
      const schedule = scheduleOf(record);
      if (schedule.deletedAt !== undefined || record.id === after) continue;
      bytes += record.body.length;
      if (bytes > PAGE_BYTES && schedules.length > 0) {
        const last = schedules.at(-1) as ScheduleView;
        return { schedules, next: scheduleName(projectId, last).id };
      }
      schedules.push(scheduleView(schedule));
    }
    return { schedules };
  }

  /** See EngineApi. */
  async pause(projectId: string, id: string, paused: boolean): Promise<ScheduleView> {
    const now = this.port.clock.now();
    const schedule = await this.change({ group: scheduleGroup(projectId), alias: id }, (before) =>
      !before || before.paused === paused ? before : aimed({ ...before, paused }, now),
    );
    return scheduleView(found(schedule, id));
  }

  /** See EngineApi. */
  async trigger(projectId: string, id: string, idempotencyKey?: string): Promise<string> {
    const { store, clock, invoke } = this.port;
    const record = await store.loadRecord({ group: scheduleGroup(projectId), alias: id });
    const schedule = found(record && living(scheduleOf(record)), id);
    const { lastAt } = schedule;
    const tick = { at: clock.now(), ...(lastAt !== undefined && { lastAt }) };
    const { executionId } = await invoke({
      ...requestFor(schedule, tickPayload(schedule, tick)),
      requestDigest: `trigger ${id}`,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    return executionId;
  }

  /** See EngineApi. */
  async delete(projectId: string, id: string): Promise<void> {
    const name = { group: scheduleGroup(projectId), alias: id };
    await this.remove(name, () => true);
    found(await this.port.store.loadRecord(name), id);
  }

  /** Throws `invalid` for what a worker cannot declare; `register` is for what it can. */
  check({ workflows }: WorkerRegistration): void {
    for (const [index, { schedule }] of workflows.entries()) {
      if (schedule) checkedTicks(schedule, `workflows[${index}].schedule`);
    }
  }

  /** Takes note of the schedules that a worker declares, and of those that it no longer does. */
  async register({ projectId, workflows }: WorkerRegistration): Promise<void> {
    await Promise.all(workflows.map((workflow) => this.registerOne(projectId, workflow)));
  }

  /** Does what is due of a schedule; false if nothing was. */
  async wake(group: string, id: string): Promise<boolean> {
    const { store, clock } = this.port;
    for (let count = 0; count < TICKS_AT_ONCE; count++) {
      const now = clock.now();
      const { record, isChanged } = await changeRecord(store, { group, id }, async (stored) => {
        if (stored?.dueAt === undefined || stored.dueAt > now) return undefined;
        const schedule = await this.settled(scheduleOf(stored));
        return schedule.deletedAt === undefined ? toScheduleRecord(ticked(schedule, now)) : 'remove';
      });
      if (!record || record.dueAt === undefined || record.dueAt > now) return count > 0 || isChanged;
    }
    return true;
  }

  private async registerOne(projectId: string, { id, schedule }: WorkflowDefinition): Promise<void> {
    const now = this.port.clock.now();
    const name = scheduleName(projectId, { workflowId: id, key: DECLARED_KEY });
    if (!schedule) {
      await this.remove(name, ({ isDeclared }) => isDeclared);
      return;
    }
    const { cron, timezone } = schedule;
    await this.change(name, async (before) => {
      if (!before) {
        const rest = { workflowId: id, key: DECLARED_KEY, paused: false, catchUpMs: CATCH_UP_MS_DEFAULT };
        return this.created(projectId, { ...rest, cron, timezone }, { isDeclared: true });
      }
      if (!isSameRule(before, schedule)) return aimed({ ...before, cron, timezone, isDeclared: true }, now);
      return before.isDeclared ? before : { ...before, isDeclared: true };
    });
  }

  private async created(
    projectId: string,
    request: ScheduleRequest,
    { isDeclared }: Pick<Schedule, 'isDeclared'>,
  ): Promise<Schedule> {
    const createdAt = this.port.clock.now();
    const count = await this.count(projectId);
    if (count >= SCHEDULES_MAX) {
      throw new EngineError({ type: 'limit', name: 'schedules', limit: SCHEDULES_MAX, actual: count + 1 });
    }
    return aimed({ ...request, projectId, createdAt, isDeclared }, createdAt);
  }

  private async remove(name: RecordName, isMeant: (schedule: Schedule) => boolean): Promise<void> {
    const deletedAt = this.port.clock.now();
    await this.change(name, (before) => {
      if (!before || !isMeant(before)) return before;
      const { nextAt: _, ...rest } = before;
      return { ...rest, deletedAt };
    });
  }

  /**
   * Changes one schedule, after the start of whatever tick is being started.
   * @param decide  is given the schedule, or undefined if there is none; answers the same to leave it as it is.
   * @returns the schedule as it is then; undefined if there is none.
   */
  private async change(
    name: RecordName,
    decide: (before: Schedule | undefined) => Schedule | undefined | Promise<Schedule | undefined>,
  ): Promise<Schedule | undefined> {
    const { store, noteDue } = this.port;
    let wasThere = false;
    const { record, isChanged } = await changeRecord(store, name, async (stored) => {
      const kept = stored && scheduleOf(stored);
      const before = kept && living(await this.settled(kept));
      wasThere = before !== undefined;
      const next = await decide(before);
      return next && (next !== before || kept?.starting) ? toScheduleRecord(next) : undefined;
    });
    if (!record) return undefined;
    if (isChanged && record.dueAt !== undefined) noteDue(record.dueAt);
    const schedule = scheduleOf(record);
    const isThere = schedule.deletedAt === undefined;
    const counted = this.counts.get(schedule.projectId);
    if (counted && isChanged) counted.count += Number(isThere) - Number(wasThere);
    return isThere ? schedule : undefined;
  }

  /** The schedule once the tick that was being started is: by this server, by another one, or by both. */
  private async settled(schedule: Schedule): Promise<Schedule> {
    const { starting } = schedule;
    if (!starting) return schedule;
    await this.port.start({
      ...requestFor(schedule, tickPayload(schedule, starting)),
      executionId: idOfParts('tick', scheduleId(schedule), starting.at),
      requestDigest: 'tick',
    });
    return withoutStarting(schedule);
  }

  /** How many schedules a project has: a few seconds old, as far as other servers are concerned. */
  private async count(projectId: string): Promise<number> {
    const now = this.port.clock.now();
    const counted = this.counts.get(projectId);
    if (counted && Math.abs(now - counted.at) < COUNT_MS) return counted.count;
    let count = 0;
    for await (const record of this.records(projectId, '')) {
      if (scheduleOf(record).deletedAt === undefined) count += 1;
    }
    this.counts.set(projectId, { at: now, count });
    return count;
  }

  /** The records of a project from an id on. */
  private async *records(projectId: string, from: string): AsyncGenerator<StoredRecord> {
    const group = scheduleGroup(projectId);
    for await (const page of recordPages(this.port.store, { group, from, limit: READ })) yield* page;
  }
}

function living(schedule: Schedule): Schedule | undefined {
  return schedule.deletedAt === undefined ? schedule : undefined;
}

function found<T>(schedule: T | undefined, id: string): T {
  if (schedule === undefined) throw new EngineError({ type: 'not_found', resource: 'schedule', id });
  return schedule;
}

function isSameRule(a: Pick<Schedule, 'cron' | 'timezone'>, b: Pick<Schedule, 'cron' | 'timezone'>): boolean {
  return a.cron === b.cron && a.timezone === b.timezone;
}

/** What a schedule becomes that is asked for again: ticks of the same rule that are due stay due. */
function replaced(before: Schedule, request: ScheduleRequest, now: number): Schedule {
  if (isSame(before, request)) return before;
  const { projectId, isDeclared, createdAt, lastAt, nextAt, paused } = before;
  const next = { ...request, projectId, isDeclared, createdAt, ...(lastAt !== undefined && { lastAt }) };
  if (!isSameRule(before, request) || paused !== request.paused) return aimed(next, now);
  return { ...next, ...(nextAt !== undefined && { nextAt }) };
}

function isSame(a: ScheduleRequest, b: ScheduleRequest): boolean {
  const { paused, payload, queue, catchUpMs } = b;
  const isSameStart = a.paused === paused && a.payload === payload && a.queue === queue;
  return isSameRule(a, b) && isSameStart && a.catchUpMs === catchUpMs;
}

function checkPayload({ payload }: ScheduleRequest): void {
  if (payload === undefined) return;
  const limit = PAYLOAD_BYTES_MAX - TICK_BYTES;
  const actual = utf8Bytes(payload);
  if (actual > limit) throw new EngineError({ type: 'limit', name: 'payload_bytes', limit, actual });
  const levels = JSON_DEPTH_MAX - TICK_DEPTH;
  if (jsonDepth(JSON.parse(payload)) <= levels) return;
  const message = `nested deeper than ${levels} levels, with which the payload of a tick has ${JSON_DEPTH_MAX}`;
  throw new EngineError({ type: 'invalid', field: 'schedule.payload.json', message });
}

function requestFor(
  { projectId, workflowId, queue }: Schedule,
  payload: string,
): Omit<InvokeRequest, 'requestDigest'> {
  return {
    ...{ projectId, workflowId, payload: { json: payload }, ...(queue !== undefined && { queue }) },
    ...{ priority: 0, startDelayMs: 0, searchAttributes: {} },
  };
}
