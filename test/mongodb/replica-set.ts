import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from './command.js';
import { Member } from './member.js';
import { TcpProxy } from './proxy.js';
import { socketOwner } from './socket-owner.js';
import { until } from './until.js';

export type { Member } from './member.js';

const HEARTBEAT_MS_MAX = 2_000;
const CATCH_UP_SECONDS = 5;
const STEP_DOWN_SECONDS = 10;

/** How a set is set up. */
export interface ReplicaSetOptions {
  readonly members: 1 | 3;
  /** How long a primary may be silent before the others elect a new one. Default 10,000, which is MongoDB's. */
  readonly electionTimeoutMs?: number;
  /** Puts a TcpProxy before each member, for clients and for the other members. Linux only. Default false. */
  readonly proxied?: boolean;
}

/** How a member is cut off. */
export interface Isolation {
  /**
   * `cut` resets connections; `freeze` is a black hole, in which a new primary may wait for its majority 10 s longer,
   * until the other member no longer waits for the old one. Default `cut`.
   */
  readonly by?: 'cut' | 'freeze';
  /** Whether clients still reach it: a primary that does not know yet that it is none. Default false. */
  readonly keepClients?: boolean;
}

/** A MongoDB replica set of processes on this machine, with data of its own that is gone when it is stopped. */
export class ReplicaSet {
  /** For clients: names all members, or their proxies. */
  readonly url: string;
  readonly members: readonly Member[];
  readonly #proxies: ReadonlyMap<Member, TcpProxy>;
  readonly #directory: string;

  private constructor(directory: string, members: readonly Member[], proxies: ReadonlyMap<Member, TcpProxy>) {
    this.#directory = directory;
    this.members = members;
    this.#proxies = proxies;
    this.url = `mongodb://${members.map((member) => this.#address(member)).join(',')}/?replicaSet=rs0`;
  }

  /** Resolves once a majority has written something and all members take part. */
  static async start({ members: count, electionTimeoutMs = 10_000, proxied = false }: ReplicaSetOptions) {
    const directory = await mkdtemp(join(tmpdir(), 'polos-mongodb-'));
    const starts = await Promise.allSettled(Array.from({ length: count }, () => Member.start(directory)));
    const members = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const proxies = new Map<Member, TcpProxy>();
    if (proxied) for (const member of members) proxies.set(member, await proxyBefore(member, members));
    const set = new ReplicaSet(directory, members, proxies);
    try {
      for (const start of starts) if (start.status === 'rejected') throw start.reason;
      await set.#initiate(electionTimeoutMs);
      return set;
    } catch (error) {
      await set.stop();
      throw error;
    }
  }

  /**
   * The member that can be written to, as soon as there is one. A member that was cut off may hold itself for it a
   * while longer; the one elected last counts.
   * @param otherThan  the old one, to wait for a new one.
   */
  async primary({ otherThan }: { readonly otherThan?: Member } = {}): Promise<Member> {
    return until('a primary', async () => {
      const elections = await Promise.all(this.members.map(electionOf));
      const [newest] = elections.filter((each) => each !== undefined).sort((a, b) => (a.id < b.id ? 1 : -1));
      return newest?.member === otherThan ? undefined : newest?.member;
    });
  }

  /** Waits until each member that is awake takes part, as primary or secondary. */
  async settled(): Promise<void> {
    await until('all members', async () => {
      const awake = this.members.filter(({ isAwake }) => isAwake);
      const answers = await Promise.all(awake.map(({ port }) => command(port, { hello: 1 })));
      return answers.every((each) => each.isWritablePrimary || each.secondary) || undefined;
    });
    await this.primary();
  }

  /** Has the primary hand over; resolves to the new one, which in a set of one is the old one a second later. */
  async stepDown(): Promise<Member> {
    const old = await this.primary();
    if (this.members.length === 1) {
      await command(old.port, { replSetStepDown: 1, secondaryCatchUpPeriodSecs: 0, force: true });
      return this.primary();
    }
    await command(old.port, {
      replSetStepDown: STEP_DOWN_SECONDS,
      secondaryCatchUpPeriodSecs: CATCH_UP_SECONDS,
    });
    return this.primary({ otherThan: old });
  }

  /** Cuts a member off from the others, both ways, and from clients. Needs `proxied`. */
  isolate(member: Member, { by = 'cut', keepClients = false }: Isolation = {}): void {
    const others = this.members.filter((each) => each !== member);
    for (const other of others) this.proxy(other)[by](member);
    if (!keepClients) this.proxy(member)[by]();
    for (const other of others) this.proxy(member)[by](other);
  }

  /** Ends every isolation, and whatever else was done to the proxies but a delay. */
  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  /** What stands before a member. Needs `proxied`. */
  proxy(member: Member): TcpProxy {
    const proxy = this.#proxies.get(member);
    if (!proxy)
      throw new Error('the replica set was started without proxies, or the member is of another one');
    return proxy;
  }

  /** kill -9 to all members; removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #initiate(electionTimeoutMs: number): Promise<void> {
    const [first] = this.members;
    if (!first) throw new Error('a replica set has members');
    await command(first.port, {
      replSetInitiate: {
        _id: 'rs0',
        members: this.members.map((member, _id) => ({ _id, host: this.#address(member) })),
        settings: {
          electionTimeoutMillis: electionTimeoutMs,
          heartbeatIntervalMillis: Math.min(HEARTBEAT_MS_MAX, electionTimeoutMs / 4),
        },
      },
    });
    // By themselves the members of a new set would wait for the election timeout first.
    await until('the first election', async () => {
      if (await electionOf(first)) return true;
      await command(first.port, { replSetStepUp: 1 });
      return true;
    });
    await this.settled();
    await command(first.port, { appendOplogNote: 1, data: {}, writeConcern: { w: 'majority' } });
  }

  #address(member: Member): string {
    return `127.0.0.1:${this.#proxies.get(member)?.port ?? member.port}`;
  }
}

/** Which election made a member primary; undefined if it is none. */
async function electionOf(member: Member): Promise<{ member: Member; id: string } | undefined> {
  if (!member.isAwake) return undefined;
  try {
    const { isWritablePrimary, electionId } = await command(member.port, { hello: 1 });
    return isWritablePrimary ? { member, id: electionId.toHexString() } : undefined;
  } catch {
    return undefined;
  }
}

async function proxyBefore(member: Member, members: readonly Member[]): Promise<TcpProxy> {
  const proxy: TcpProxy = await TcpProxy.start({
    target: member.port,
    originOf: (port) => {
      const pids = members.filter(({ isRunning }) => isRunning).map(({ pid }) => pid);
      const owner = socketOwner({ port, peerPort: proxy.port }, pids);
      return members.find((each) => each.isRunning && each.pid === owner);
    },
  });
  return proxy;
}
