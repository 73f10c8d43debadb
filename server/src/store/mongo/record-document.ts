import type { StoredRecord } from '../store.js';

/** The id of a record's document. The order of its fields counts: ids of one group are together, in the order of `id`. */
export interface RecordKey {
  readonly group: string;
  readonly id: string;
}

/** One text for a key, such that no other gives the same. */
export function recordKeyText({ group, id }: RecordKey): string {
  return JSON.stringify([group, id]);
}

/** A record as it is kept. */
export interface RecordDocument {
  readonly _id: RecordKey;
  /** Again beside the id, to shard by. */
  readonly group: string;
  readonly version: number;
  readonly alias?: string;
  readonly dueAt?: Date;
  /** The store that wrote this version. */
  readonly by: string;
  readonly body: string;
}

/** The document of a record that is written by a store. */
export function toRecordDocument(
  { group, id, version, alias, dueAt, body }: StoredRecord,
  by: string,
): RecordDocument {
  return {
    _id: { group, id },
    group,
    version,
    ...(alias !== undefined && { alias }),
    ...(dueAt !== undefined && { dueAt: new Date(dueAt) }),
    by,
    body,
  };
}

/** The record of a document. */
export function fromRecordDocument({ _id, version, alias, dueAt, body }: RecordDocument): StoredRecord {
  return {
    group: _id.group,
    id: _id.id,
    version,
    ...(alias !== undefined && { alias }),
    ...(dueAt !== undefined && { dueAt: dueAt.getTime() }),
    body,
  };
}
