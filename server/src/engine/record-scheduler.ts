import { type DueRecord, type Store, StoreFault } from '../store/store.js';
import type { Clock } from './clock.js';
import { Scheduler } from './scheduler.js';

/** Who looks after the records of one kind. */
interface RecordKeeper {
  /**
   * Does what is due of a record; false if nothing was, or if it goes on without being waited for: it is asked again a
   * second later while the record is still due. What fails is asked again, too.
   */
  wake(group: string, id: string): Promise<boolean>;
}

/** The kinds of records that fall due: what a group's name begins with, up to its first bracket. */
type DueKind = 'topic' | 'schedule' | 'trigger' | 'slots';

/** What the scheduler of records asks of the rest of the engine. */
export interface RecordSchedulerPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly keepers: Readonly<Record<DueKind, RecordKeeper>>;
  fault(error: unknown): void;
}

/** Has records looked after when their time has come, by whoever looks after their kind. */
export class RecordScheduler extends Scheduler<DueRecord> {
  constructor({ store, clock, keepers, fault }: RecordSchedulerPort) {
    super({
      clock,
      isShared: store.isShared,
      listDue: (query) => store.listDueRecords(query),
      keyOf: ({ group, id }) => JSON.stringify([group, id]),
      wake: async (record) => keeperOf(record, keepers).wake(record.group, record.id),
      fault,
    });
  }
}

function keeperOf({ group }: DueRecord, keepers: RecordSchedulerPort['keepers']): RecordKeeper {
  const kind = group.slice(0, group.indexOf('['));
  if (kind === 'topic' || kind === 'schedule' || kind === 'trigger' || kind === 'slots') return keepers[kind];
  throw new StoreFault(`"${group}" has a record that is due, and is of no kind that falls due`, {
    retryable: false,
  });
}
