import { MemoryDatabase, openMemoryStore } from '../store/memory/memory-store.js';
import type { ScheduleRequest } from './api.js';
import type { Engine } from './engine.js';
import { HandClock } from './hand-clock.mjs';
import { Harness, PROJECT } from './harness.mjs';
import { MortalEngine } from './mortal-engine.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** Milliseconds. */
export const MINUTE = 60_000;
/** Milliseconds. */
export const HOUR = 60 * MINUTE;
/** Milliseconds. */
export const DAY = 24 * HOUR;
/** When these tests begin: a noon. */
export const START = Date.UTC(2027, 0, 1, 12);

/** What an execution of a schedule received. */
export interface Received {
  readonly timestamp: string;
  readonly lastTimestamp: string | null;
  readonly timezone: string;
  readonly scheduleId: string;
  readonly key: string;
  readonly upcoming: readonly string[];
  readonly payload?: unknown;
}

/** A schedule of every minute, with what a test changes in it. */
export function wish(more: Partial<ScheduleRequest> = {}): ScheduleRequest {
  const rule = { workflowId: 'report', key: 'global', cron: '* * * * *', timezone: 'UTC' };
  return { ...rule, paused: false, catchUpMs: DAY, ...more };
}

/** What the executions of a workflow received, oldest first. */
export async function received(database: MemoryDatabase, workflowId = 'report'): Promise<Received[]> {
  const store = openMemoryStore(database);
  const executions = await store.list({ projectId: PROJECT, workflowId, limit: 100_000 });
  const all = executions.map(async ({ id }) => {
    const [entry] = await store.journal(id, { afterEvent: 0, entries: 1, bytes: 1 });
    const payload = entry?.input?.payload;
    return JSON.parse(payload && 'json' in payload ? payload.json : 'null') as Received;
  });
  return (await Promise.all(all)).sort((a, b) => a.timestamp.localeCompare(b.timestamp));
}

/** The ticks of these executions. */
export async function times(database: MemoryDatabase, workflowId?: string): Promise<string[]> {
  return (await received(database, workflowId)).map(({ timestamp }) => timestamp);
}

/** Minutes from START on as texts, both included. */
export function minutes(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => iso(from + index));
}

/** A minute from START on as text. */
export function iso(minute: number): string {
  return new Date(START + minute * MINUTE).toISOString();
}

/** One server with an every-minute schedule. */
export async function stage(more: Partial<ScheduleRequest> = {}) {
  const database = new MemoryDatabase();
  const time = new HandClock(START);
  const server = await MortalEngine.start(database, time);
  const schedule = await server.engine.putSchedule(PROJECT, wish(more));
  return { database, time, server, engine: server.engine, schedule };
}

/** A server that does nothing by itself. */
export function idle(database: MemoryDatabase, time: HandClock): Engine {
  return new Harness(openMemoryStore(database), time).engine;
}
