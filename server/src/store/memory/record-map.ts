import type {
  CommitResult,
  DueRecords,
  RecordName,
  RecordQuery,
  RecordWrite,
  Store,
  StoredRecord,
} from '../store.js';
import { compareText } from '../text-order.js';

interface Row {
  readonly record: StoredRecord;
  /** The store that committed last. */
  readonly by: Store;
}

/** Records in memory. */
export class RecordMap {
  /** By group, then by id. */
  private readonly groups = new Map<string, Map<string, Row>>();

  /** See `Store.commitRecord`; `replaced` is what the write replaces. */
  commit(
    write: RecordWrite,
    { group, id, version }: Pick<StoredRecord, 'group' | 'id' | 'version'>,
    by: Store,
  ): CommitResult {
    const rows = this.groups.get(group) ?? new Map<string, Row>();
    if ((rows.get(id)?.record.version ?? 0) !== version) return 'conflict';
    if ('remove' in write) {
      rows.delete(id);
      return 'committed';
    }
    const { record } = write;
    const namesake = record.alias !== undefined && this.load({ group, alias: record.alias });
    if (namesake && namesake.id !== id) return 'conflict';
    rows.set(id, { record, by });
    this.groups.set(group, rows);
    return 'committed';
  }

  /** See `Store.loadRecord`. */
  load(name: RecordName): StoredRecord | undefined {
    const rows = this.groups.get(name.group);
    if ('id' in name) return rows?.get(name.id)?.record;
    for (const { record } of rows?.values() ?? []) if (record.alias === name.alias) return record;
    return undefined;
  }

  /** See `Store.listRecords`. */
  list({ group, from, descending = false, limit }: RecordQuery): StoredRecord[] {
    const sign = descending ? -1 : 1;
    return [...(this.groups.get(group)?.values() ?? [])]
      .map(({ record }) => record)
      .filter(({ id }) => from === undefined || sign * compareText(id, from) >= 0)
      .sort((a, b) => sign * compareText(a.id, b.id))
      .slice(0, limit);
  }

  /** See `Store.listGroups`. */
  listGroups(query: { readonly prefix: string; readonly after?: string; readonly limit: number }): string[] {
    const { prefix, after, limit } = query;
    return [...this.groups]
      .flatMap(([group, rows]) => (rows.size > 0 && group.startsWith(prefix) ? group : []))
      .filter((group) => after === undefined || compareText(group, after) > 0)
      .sort(compareText)
      .slice(0, limit);
  }

  /** Removes all records of a group. */
  removeGroup(group: string): void {
    this.groups.delete(group);
  }

  /** See `Store.listDueRecords`. */
  listDue({ until, limit }: { readonly until: number; readonly limit: number }, by: Store): DueRecords {
    const all = [...this.groups.values()]
      .flatMap((rows) => [...rows.values()])
      .flatMap(({ record: { group, id, dueAt }, by: author }) =>
        dueAt === undefined ? [] : [{ group, id, dueAt, isOurs: author === by }],
      )
      .sort((a, b) => a.dueAt - b.dueAt || compareText(a.group, b.group) || compareText(a.id, b.id));
    const due = all.filter(({ dueAt }) => dueAt <= until).slice(0, limit);
    const next = all[due.length];
    return { due, ...(next && { next: next.dueAt }) };
  }
}
