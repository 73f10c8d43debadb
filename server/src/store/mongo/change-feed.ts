import { setTimeout as delay } from 'node:timers/promises';
import type { ChangeStream, Document } from 'mongodb';
import type { Follower, ForeignChange } from '../store.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import {
  type Change,
  changesOfOthers,
  isOfRecord,
  type RecordChange,
  type Summary,
  summarize,
  type Workflow,
} from './foreign-changes.js';
import type { OwnRemovals } from './own-removals.js';

/** How often followers are told that they may miss changes, while the stream is down. */
const MISSED_MS = 1_000;

/** MongoDB says at least so often that there was nothing; a stream that is silent for longer is down. */
const AWAIT_MS = 1_000;
const SILENCE_MS_MAX = 2_500;

const FIRST_PAUSE_MS = 50;
const PAUSE_MS_MAX = 2_000;

/** What following needs to know. */
export interface ChangeFeedOptions {
  readonly connection: Connection;
  /** This store, whose commits are not told of. */
  readonly by: string;
  readonly removals: OwnRemovals;
}

/**
 * Tells followers of what other stores commit: one change stream for all of them, opened with the first and closed with
 * the last. It is one of the database: for two of collections MongoDB would look at each write twice, which is 15 to 25 µs
 * of its processor a step. The stream is left to the driver as long as that can go on without a gap; otherwise it is opened
 * anew. Whoever follows is told each time that something may be missing.
 */
export class ChangeFeed {
  private readonly options: ChangeFeedOptions;
  private readonly followers = new Set<Follower>();
  private following: Following | undefined;

  constructor(options: ChangeFeedOptions) {
    this.options = options;
  }

  /** See `Store.follow`. */
  follow(follower: Follower): () => void {
    this.followers.add(follower);
    if (this.following) queueMicrotask(() => this.followers.has(follower) && follower.missed());
    else this.following = new Following(this.options, this.followers);
    return () => {
      this.followers.delete(follower);
      if (this.followers.size === 0) void this.close();
    };
  }

  /** Tells nobody anything any more. */
  async close(): Promise<void> {
    this.followers.clear();
    const { following } = this;
    this.following = undefined;
    await following?.stop();
  }
}

/** The following from the first follower to the last. */
class Following {
  private readonly connection: Connection;
  private readonly removals: OwnRemovals;
  private readonly pipeline: Document[];
  private readonly followers: ReadonlySet<Follower>;
  private readonly watch: NodeJS.Timeout;
  private stream: ChangeStream | undefined;
  /** When the stream last gave a sign of life; missing while it is down. */
  private heardAt: number | undefined;
  private isStopped = false;
  private gathered: Change[] = [];
  private telling = Promise.resolve();

  constructor({ connection, by, removals }: ChangeFeedOptions, followers: ReadonlySet<Follower>) {
    this.connection = connection;
    this.removals = removals;
    this.pipeline = changesOfOthers(by);
    this.followers = followers;
    this.watch = setInterval(() => this.lookWhetherDown(), MISSED_MS);
    void this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.watch);
    await this.stream?.close().catch(() => {});
  }

  private async run(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !this.isStopped; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      try {
        this.stream = this.connection.database.watch(this.pipeline, { maxAwaitTimeMS: AWAIT_MS });
        this.stream.on('resumeTokenChanged', () => this.hear());
        for (;;) {
          const change: unknown = await this.stream.next();
          pauseMs = FIRST_PAUSE_MS;
          this.hear();
          this.gather(change as Change);
        }
      } catch {
        // Whatever it was, the stream is opened anew; meanwhile the followers know that they have to look for themselves.
        await this.stream?.close().catch(() => {});
        this.breakOff();
      }
      await delay(pauseMs, undefined, { ref: false });
    }
  }

  private hear(): void {
    const wasDown = this.heardAt === undefined;
    this.heardAt = performance.now();
    if (wasDown) this.tellMissed();
  }

  private lookWhetherDown(): void {
    if (this.heardAt === undefined || performance.now() - this.heardAt > SILENCE_MS_MAX) this.breakOff();
  }

  private breakOff(): void {
    this.heardAt = undefined;
    this.tellMissed();
  }

  private tellMissed(): void {
    for (const follower of this.followers) follower.missed();
  }

  /** What comes with one answer is there within one turn of the event loop, and is told at once. */
  private gather(change: Change): void {
    this.gathered.push(change);
    if (this.gathered.length > 1) return;
    setImmediate(() => {
      const executions = summarize(this.gathered);
      const records = this.gathered.filter(isOfRecord);
      this.gathered = [];
      if (executions.size > 0) this.telling = this.telling.then(() => this.tell(executions));
      if (records.length > 0) void this.tellOfRecords(records);
    });
  }

  /** In no order with all else that is told: news of a removal may have to wait for the answer to one of ours. */
  private async tellOfRecords(changes: readonly RecordChange[]): Promise<void> {
    const areOwn = await Promise.all(
      changes.map(({ operationType, documentKey }) =>
        operationType === 'delete' ? this.removals.isOwn(documentKey._id) : false,
      ),
    );
    const foreign = changes.filter((_, index) => !areOwn[index]);
    const groups = [...new Set(foreign.map(({ documentKey }) => documentKey._id.group))];
    if (groups.length === 0) return;
    for (const follower of this.followers) follower.recordsChanged(groups);
  }

  private async tell(changes: ReadonlyMap<string, Summary>): Promise<void> {
    const unknown = [...changes].flatMap(([id, { ready, workflow }]) => (ready && !workflow ? [id] : []));
    const found = await this.workflowsOf(unknown);
    const told = [...changes].map(
      ([executionId, { ready, workflow = found.get(executionId) }]): ForeignChange => {
        return { executionId, ...(ready && workflow && { ready: workflow }) };
      },
    );
    for (const follower of this.followers) follower.changed(told);
  }

  /** Of those that are still ready. */
  private async workflowsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Workflow>> {
    if (ids.length === 0) return new Map();
    const filter = { _id: { $in: [...ids] }, 'index.ready': true };
    try {
      return await this.connection.ask('look up what became ready', async (session) => {
        const found = await this.connection.executions
          .find<Workflow & { readonly _id: string }>(filter, {
            projection: { projectId: 1, workflowId: 1 },
            session,
            maxTimeMS: QUERY_MS_MAX,
          })
          .toArray();
        return new Map(found.map(({ _id, projectId, workflowId }) => [_id, { projectId, workflowId }]));
      });
    } catch {
      this.tellMissed();
      return new Map();
    }
  }
}
