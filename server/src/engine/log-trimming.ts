import { randomBytes } from 'node:crypto';
import type { Store, StoredRecord } from '../store/store.js';
import { batchesByName, claimBody, claimedBy, emptied, endOf, isEmptied, namesGroup } from './log-record.js';
import { idOfNumber } from './records.js';
import type { Round } from './rounds.js';

/** Which items of a log go: those of records all of which may go, from the oldest on. */
export interface Trimming {
  /** What was added at or before this goes, unless it is due, for then not everybody has heard of it … */
  readonly until: number;
  /** … and nothing from this number on … */
  readonly neededFrom: number;
  /** … but for what was added at or before this. */
  readonly neededSince: number;
}

/** Records that are looked at together: one at first, and more while they are small. */
const RECORDS_MAX = 32;
const SMALL_BYTES = 262_144;

/** Claims that are removed, or looked at, together. */
const CLAIMS_AT_ONCE = 100;

/** How long the store has for others between two pages. */
const REST_MS = 50;

/**
 * Deletes the oldest items of a log with the claims for their names. The newest record is emptied where others would be
 * removed: by it the log goes on counting. Any number of servers may do it at once, and break off anywhere: claims go
 * before their record does.
 * @returns the number of the last item that is known to be deleted; 0 for none.
 */
export async function trimLog(
  store: Store,
  group: string,
  trimming: Trimming,
  round: Round,
): Promise<number> {
  let deletedTo = 0;
  for (let limit = 1; !round.isStopped; ) {
    const records = await store.listRecords({ group, limit: limit + 1 });
    const first = records.findIndex(
      (record, index) => !mayGo(record, trimming, index === records.length - 1),
    );
    const going = first < 0 ? records : records.slice(0, first);
    for (const record of going.slice(0, limit)) {
      await removeClaims(store, record);
      // The last of a page that is not full is the newest of all.
      const isNewest = record === records.at(-1);
      const change = isNewest ? { record: emptied(record) } : { remove: record };
      // Another server was faster; what comes after is removed only after what comes before.
      if ((await store.commitRecord(change)) === 'conflict') return deletedTo;
      deletedTo = endOf(record).newest;
    }
    if (going.length <= limit) break;
    const bytes = records.reduce((sum, { body }) => sum + body.length, 0);
    limit = bytes <= SMALL_BYTES ? Math.min(limit * 2, RECORDS_MAX) : 1;
    await round.rest(REST_MS);
  }
  if (deletedTo > 0) await removeOrphans(store, group, deletedTo);
  return deletedTo;
}

function mayGo(record: StoredRecord, trimming: Trimming, isLast: boolean): boolean {
  // Once another one follows, an emptied record is of no use.
  if (isEmptied(record)) return !isLast;
  const { newest, at } = endOf(record);
  if (at <= trimming.neededSince) return true;
  return at <= trimming.until && record.dueAt === undefined && newest < trimming.neededFrom;
}

/**
 * Removes the claims for what a record holds. One that is for another record belongs to a later addition under its name,
 * which is as young as that record.
 */
async function removeClaims(store: Store, record: StoredRecord): Promise<void> {
  const group = namesGroup(record.group);
  const names = [...batchesByName(record).keys()];
  for (let start = 0; start < names.length; start += CLAIMS_AT_ONCE) {
    const removing = names.slice(start, start + CLAIMS_AT_ONCE).map(async (id) => {
      const claim = await store.loadRecord({ group, id });
      if (claim?.body === claimBody(record.id)) await store.commitRecord({ remove: claim });
    });
    await Promise.all(removing);
  }
}

/**
 * Removes claims for what is deleted that no record tells of, because the addition was never written: some of them, found
 * by looking at a page of all claims from anywhere on. So in time each is found, and it costs little.
 */
async function removeOrphans(store: Store, log: string, deletedTo: number): Promise<void> {
  const group = namesGroup(log);
  const from = randomBytes(8).toString('base64url');
  const claims = [...(await store.listRecords({ group, from, limit: CLAIMS_AT_ONCE }))];
  if (claims.length < CLAIMS_AT_ONCE) {
    claims.push(...(await store.listRecords({ group, limit: CLAIMS_AT_ONCE })));
  }
  const orphans = new Map(
    claims.filter((claim) => claimedBy(claim) <= idOfNumber(deletedTo)).map((claim) => [claim.id, claim]),
  );
  await Promise.all(Array.from(orphans.values(), (claim) => store.commitRecord({ remove: claim })));
}
