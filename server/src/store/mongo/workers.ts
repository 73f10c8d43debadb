import { InOrder } from '../in-order.js';
import type { StoredWorker } from '../store.js';
import { fromBson, toIndexTime, toTime } from './bson-values.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';

/** How long a worker is kept after it expired, since the clocks of MongoDB and of the servers need not agree. */
const KEPT_MS = 60_000;

/** A worker as it is kept. */
export interface WorkerDocument {
  readonly _id: string;
  readonly projectId: string;
  readonly expiresAt: Date | number;
  /** When MongoDB may remove it. */
  readonly removeAt: Date;
  readonly body: string;
}

/** What the servers tell each other of their workers. */
export class Workers {
  private readonly connection: Connection;
  private readonly puts = new InOrder();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** See `Store.putWorker`. */
  async put({ id, projectId, expiresAt, body }: StoredWorker): Promise<void> {
    const removeAt = toIndexTime(Math.max(expiresAt, Date.now()) + KEPT_MS);
    const worker = { projectId, expiresAt: toTime(expiresAt), removeAt, body };
    await this.puts.run(id, () =>
      this.connection.ask(`put the worker ${id}`, (session) =>
        this.connection.workers.replaceOne({ _id: id }, worker, { upsert: true, session }),
      ),
    );
  }

  /** See `Store.loadWorker`. */
  async load({ id, now }: { readonly id: string; readonly now: number }): Promise<StoredWorker | undefined> {
    return this.connection.ask(`load the worker ${id}`, async (session) => {
      const found = await this.connection.workers.findOne({ _id: id }, { session, maxTimeMS: QUERY_MS_MAX });
      const worker = found && toWorker(found);
      return worker && worker.expiresAt > now ? worker : undefined;
    });
  }

  /** See `Store.listWorkers`. */
  async list(query: WorkerQuery): Promise<readonly StoredWorker[]> {
    return this.connection.ask(`list workers of "${query.projectId}"`, async (session) => {
      const found = await this.connection.workers
        .find({ projectId: query.projectId }, { sort: { _id: -1 }, session, maxTimeMS: QUERY_MS_MAX })
        .toArray();
      // By the clock of who asks.
      return found.map(toWorker).filter(({ expiresAt }) => expiresAt > query.now);
    });
  }
}

/** What `listWorkers` is asked. */
export interface WorkerQuery {
  readonly projectId: string;
  readonly now: number;
}

function toWorker({ _id, removeAt: _, ...rest }: WorkerDocument): StoredWorker {
  return { id: _id, ...(fromBson(rest) as Omit<StoredWorker, 'id'>) };
}
