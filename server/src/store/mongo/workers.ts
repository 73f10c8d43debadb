import type { StoredWorker } from '../store.js';
import { fromBson, toTime } from './bson-values.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import { InOrder } from './in-order.js';

/** A worker as it is kept. MongoDB deletes it some time after `expiresAt`. */
export interface WorkerDocument {
  readonly _id: string;
  readonly projectId: string;
  readonly expiresAt: Date | number;
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
    const worker = { projectId, expiresAt: toTime(expiresAt), body };
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
    const { filter, options } = findWorkers(query.projectId);
    return this.connection.ask(`list workers of "${query.projectId}"`, async (session) => {
      const found = await this.connection.workers
        .find(filter, { ...options, session, maxTimeMS: QUERY_MS_MAX })
        .toArray();
      return found.map(toWorker).filter(({ expiresAt }) => expiresAt > query.now);
    });
  }
}

/** What `listWorkers` is asked. */
export interface WorkerQuery {
  readonly projectId: string;
  readonly now: number;
}

/** What `listWorkers` asks; what has expired is left out by the clock of who asks. */
export function findWorkers(projectId: string) {
  return { filter: { projectId }, options: { sort: { _id: -1 } } } as const;
}

function toWorker({ _id, ...rest }: WorkerDocument): StoredWorker {
  return { id: _id, ...(fromBson(rest) as Omit<StoredWorker, 'id'>) };
}
