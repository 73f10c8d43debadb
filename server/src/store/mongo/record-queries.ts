import { type Filter, type FindOptions, MaxKey } from 'mongodb';
import type { RecordName, RecordQuery } from '../store.js';
import { toIndexTime } from './bson-values.js';
import { RECORD_INDEXES } from './collections.js';
import type { RecordDocument, RecordKey } from './record-document.js';

/** A question to the collection of records, with the index to read along. Nothing is ever sorted. */
export interface RecordFind {
  readonly filter: Filter<RecordDocument>;
  readonly options: FindOptions & { readonly limit: number };
}

/** The index along which a group is listed. */
const BY_ID = { _id: 1 } as const;

/** What `loadRecord` asks. */
export function findRecord(name: RecordName): RecordFind {
  const { group } = name;
  return 'id' in name
    ? { filter: { _id: { group, id: name.id }, group }, options: { hint: BY_ID, limit: 1 } }
    : { filter: { group, alias: name.alias }, options: { hint: RECORD_INDEXES.alias.key, limit: 1 } };
}

/** What `listRecords` asks. An object is compared by its fields in their order; a text is less than a MaxKey. */
export function findRecords({ group, from, descending = false, limit }: RecordQuery): RecordFind {
  const after = { group, id: new MaxKey() } as unknown as RecordKey;
  const _id = descending
    ? { $gte: { group, id: '' }, ...(from === undefined ? { $lt: after } : { $lte: { group, id: from } }) }
    : { $gte: { group, id: from ?? '' }, $lt: after };
  return { filter: { group, _id }, options: { hint: BY_ID, sort: { _id: descending ? -1 : 1 }, limit } };
}

/** What `listGroups` asks for: ids from a group's first on, or from beyond its last; answered from the index alone. */
export function findRecordIds(
  { group, isBeyond }: { readonly group: string; readonly isBeyond: boolean },
  limit: number,
): RecordFind {
  const last = { group, id: new MaxKey() } as unknown as RecordKey;
  const _id = isBeyond ? { $gt: last } : { $gte: { group, id: '' } };
  return { filter: { _id }, options: { hint: BY_ID, sort: { _id: 1 }, projection: { _id: 1 }, limit } };
}

/**
 * What `listDueRecords` asks first: the earliest of all, and one more, so that what is due and what comes next are of one
 * moment. Answered from the index alone; who committed last is asked for those that are due.
 */
export function findDueRecords(limit: number): RecordFind {
  return {
    filter: { dueAt: { $gte: toIndexTime(Number.NEGATIVE_INFINITY) } },
    options: {
      hint: RECORD_INDEXES.due.key,
      sort: { dueAt: 1, _id: 1 },
      projection: { dueAt: 1 },
      limit: limit + 1,
    },
  };
}

/** Which of some records a store wrote last. */
export function findOurRecords(keys: readonly RecordKey[], by: string): RecordFind {
  const groups = [...new Set(keys.map(({ group }) => group))];
  return {
    filter: { _id: { $in: [...keys] }, group: { $in: groups }, by },
    options: { hint: BY_ID, projection: { _id: 1 }, limit: keys.length },
  };
}
