import { createHash } from 'node:crypto';
import type { Execution } from '../core/execution.js';
import type { StoredRecord } from '../store/store.js';

/** What the slots of executions that share them are found by. */
export type SlotsPlace = Pick<Execution, 'projectId' | 'queue' | 'concurrencyKey'>;

/** An execution's turn to hold a slot. */
export interface Holder {
  readonly executionId: string;
  readonly turn: number;
  /** When it was entered here; missing once it is known that the execution has been told. */
  readonly since?: number;
}

/**
 * Who holds the slots of one queue and concurrency key. An execution is entered here before it is told that it holds a
 * slot, and taken out after it gave it up: so all that run are here, and the list is never longer than the limit was
 * when it last grew.
 */
export interface SlotsState {
  /** 0 before the first. */
  readonly version: number;
  readonly holders: readonly Holder[];
  /** Since when nobody has held a slot; missing while somebody does. */
  readonly idleSince?: number;
  /** When to look at it even if nobody asks for that; missing for never. */
  readonly lookAt?: number;
}

/** How long an execution may take to be told that it holds a slot before that is tried again. */
export const CONFIRM_MS = 5_000;

/**
 * How long a record without holders is kept. Long, because versions begin anew with the next record: whoever read the
 * record must not commit against it by then.
 */
const IDLE_MS = 3_600_000;

/** What there is to write. */
export interface SlotsChange {
  /** They do not hold these turns, and never will again. */
  readonly gone: readonly Holder[];
  /** They know that they hold a slot. */
  readonly confirmed: readonly Holder[];
  readonly entered: readonly Holder[];
  readonly at: number;
  readonly lookAt: number | undefined;
}

/** The group of the records of a queue, one for each concurrency key. */
export function slotsGroup({
  projectId,
  queue,
}: {
  readonly projectId: string;
  readonly queue: string;
}): string {
  return `slots${JSON.stringify([projectId, queue])}`;
}

/** The id of the record of a concurrency key, which may be longer than an id. */
export function slotsId({ concurrencyKey }: SlotsPlace): string {
  return concurrencyKey === undefined ? '-' : createHash('sha256').update(concurrencyKey).digest('hex');
}

/** Who holds slots by a record. */
export function slotsFrom(record: StoredRecord | undefined): SlotsState {
  if (!record) return { version: 0, holders: [] };
  const { holders, idleSince, lookAt } = bodyOf(record);
  return {
    version: record.version,
    holders: holders.map(([executionId, turn, since]) => ({
      executionId,
      turn,
      ...(since !== undefined && { since }),
    })),
    ...(idleSince !== undefined && { idleSince }),
    ...(lookAt !== undefined && { lookAt }),
  };
}

/** What a record is about. */
export function placeOf(record: StoredRecord): SlotsPlace {
  const { projectId, queue, concurrencyKey } = bodyOf(record);
  return { projectId, queue, ...(concurrencyKey !== undefined && { concurrencyKey }) };
}

/** The holders that are left once those that are gone are. */
export function without(holders: readonly Holder[], gone: readonly Holder[]): readonly Holder[] {
  if (gone.length === 0) return holders;
  const names = new Set(gone.map(nameOf));
  return holders.filter((holder) => !names.has(nameOf(holder)));
}

/** Slots after a change; the same object if nothing comes of it. */
export function changed(
  slots: SlotsState,
  { gone, confirmed, entered, at, lookAt }: SlotsChange,
): SlotsState {
  const kept = without(slots.holders, gone);
  const told = new Set(confirmed.map(nameOf));
  const isNews = kept.some((holder) => holder.since !== undefined && told.has(nameOf(holder)));
  const isSame = kept.length === slots.holders.length && entered.length === 0;
  if (isSame && !isNews && lookAt === slots.lookAt) return slots;
  const holders = [
    ...kept.map(({ since, ...holder }) =>
      since === undefined || told.has(nameOf(holder)) ? holder : { ...holder, since },
    ),
    ...entered.map((holder) => ({ ...holder, since: at })),
  ];
  const idleSince = holders.length > 0 ? undefined : (slots.idleSince ?? at);
  return {
    version: slots.version + 1,
    holders,
    ...(idleSince !== undefined && { idleSince }),
    ...(lookAt !== undefined && { lookAt }),
  };
}

/** Whether nobody has held a slot for so long that the record can go. */
export function isForgotten({ idleSince }: SlotsState, at: number): boolean {
  return idleSince !== undefined && idleSince + IDLE_MS <= at;
}

/** When slots have to be looked at: it was not known that a holder was told, or they are idle; infinity for never. */
export function dueAtOf({ holders, idleSince, lookAt }: SlotsState): number {
  let dueAt = lookAt ?? Number.POSITIVE_INFINITY;
  if (idleSince !== undefined) dueAt = Math.min(dueAt, idleSince + IDLE_MS);
  for (const { since } of holders) if (since !== undefined) dueAt = Math.min(dueAt, since + CONFIRM_MS);
  return dueAt;
}

/** The record of slots. */
export function recordOf(place: SlotsPlace, slots: SlotsState): StoredRecord {
  const { projectId, queue, concurrencyKey } = place;
  const { version, holders, idleSince, lookAt } = slots;
  const dueAt = dueAtOf(slots);
  const body: Body = {
    projectId,
    queue,
    ...(concurrencyKey !== undefined && { concurrencyKey }),
    holders: holders.map(({ executionId, turn, since }) =>
      since === undefined ? [executionId, turn] : [executionId, turn, since],
    ),
    ...(idleSince !== undefined && { idleSince }),
    ...(lookAt !== undefined && { lookAt }),
  };
  return {
    ...{ group: slotsGroup(place), id: slotsId(place), version, body: JSON.stringify(body) },
    ...(dueAt !== Number.POSITIVE_INFINITY && { dueAt }),
  };
}

interface Body extends SlotsPlace {
  /** Execution, turn and since when, if it is not known that it was told. */
  readonly holders: readonly (readonly [string, number, number?])[];
  readonly idleSince?: number;
  readonly lookAt?: number;
}

function bodyOf({ body }: StoredRecord): Body {
  return JSON.parse(body) as Body;
}

function nameOf({ executionId, turn }: Holder): string {
  return `${turn} ${executionId}`;
}
