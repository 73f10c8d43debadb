import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplicaSet } from '@polos/test/mongodb/replica-set.js';

/** Where servers keep what they are measured with. */
export type HomeName = 'embedded' | 'mongodb-1' | 'mongodb-3';

/** A fresh home for the servers of one row. */
export interface Home {
  /** What `polos server start` is told of it. */
  readonly serverArguments: readonly string[];
  /** Seconds of CPU that its own processes took so far, and bytes that they wrote; the embedded store has none. */
  usage(): { readonly cpuSeconds: number; readonly writtenBytes: number };
  /** Lets go of it, and of what was kept there. */
  stop(): Promise<void>;
}

/** Opens homes; what is slow to start is started once. */
export class Homes {
  private readonly sets = new Map<1 | 3, ReplicaSet>();
  private opened = 0;

  async open(name: HomeName): Promise<Home> {
    if (name === 'embedded') return openDirectory();
    const set = await this.replicaSet(name === 'mongodb-1' ? 1 : 3);
    this.opened += 1;
    const url = set.url.replace('/?', `/bench-${this.opened}?`);
    return {
      serverArguments: ['--store', 'mongodb', '--mongodb-url', url],
      usage: () => ({
        cpuSeconds: set.members.reduce((sum, member) => sum + member.cpuMs(), 0) / 1_000,
        writtenBytes: set.members.reduce((sum, member) => sum + member.writtenBytes(), 0),
      }),
      stop: async () => {},
    };
  }

  async stop(): Promise<void> {
    for (const set of this.sets.values()) await set.stop();
  }

  private async replicaSet(members: 1 | 3): Promise<ReplicaSet> {
    const set = this.sets.get(members) ?? (await ReplicaSet.start({ members }));
    this.sets.set(members, set);
    return set;
  }
}

async function openDirectory(): Promise<Home> {
  const dataDir = await mkdtemp(join(tmpdir(), 'polos-bench-'));
  return {
    serverArguments: ['--data-dir', dataDir],
    usage: () => ({ cpuSeconds: 0, writtenBytes: 0 }),
    stop: () => rm(dataDir, { recursive: true }),
  };
}
