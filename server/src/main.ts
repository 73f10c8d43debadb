import { getHeapStatistics } from 'node:v8';
import { pino } from 'pino';
import type { ServerCheck } from './cli/server-check-command.js';
import { type RetentionDays, readConfig, type ServerConfig, type ServerOptions } from './config.js';
import { systemClock } from './engine/clock.js';
import { Engine } from './engine/engine.js';
import type { RetentionRule } from './engine/execution-retention.js';
import { listen } from './rpc/listen.js';
import { openEmbeddedStore } from './store/embedded/embedded-store.js';
import type { Store } from './store/store.js';

/** A server that accepts calls. */
export interface RunningServer {
  /** Where it listens: `http://HOST:PORT`. */
  readonly url: string;
  /** Ends calls under way, then everything. May be repeated. */
  close(): Promise<void>;
}

/**
 * Starts a server: opens its store, takes up what an earlier process left, then listens.
 * @throws ZodError for a bad option, StoreFault when the store cannot be opened, and what `listen` throws when the
 *   address is taken.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const config = readConfig(options);
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const { leaseMs, host, port, apiKeys, drainMs } = config;
  const fault = (error: unknown) =>
    log.error({ err: error }, 'background work failed; it will be tried again');
  const store = await openStore(config);
  // At ten times the size of their texts, what executions hold at worst, it is still little more than half of the heap.
  const cacheBytesMax = Math.floor(getHeapStatistics().heap_size_limit / 16);
  const engine = new Engine({
    store,
    clock: systemClock(),
    leaseMs,
    cacheBytesMax,
    executionsKeptFor: ruleOf(config.retentionDays),
    topicsKeptFor: ruleOf(config.topicRetentionDays),
    fault,
  });
  try {
    await engine.start();
    const listener = await listen({ engine, host, port, apiKeys, log });
    const close = async () => {
      await listener.close({ graceMs: drainMs });
      await engine.stop();
      await store.close();
    };
    let closing: Promise<void> | undefined;
    return {
      url: listener.url,
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    await engine.stop();
    await store.close();
    throw error;
  }
}

/** Tells whether a server can run on a MongoDB, and what it would make there. Writes nothing. */
export async function checkServer({ mongodbUrl }: { readonly mongodbUrl: string }): Promise<ServerCheck> {
  const { checkDeployment } = await import('./store/mongo/deployment-check.js');
  return checkDeployment(mongodbUrl);
}

/** The MongoDB adapter is loaded only where it is used: its driver takes 100 ms and 20 MB. */
async function openStore({ storage }: ServerConfig): Promise<Store> {
  if (storage.store === 'embedded') return openEmbeddedStore({ dataDir: storage.dataDir });
  const { openMongoStore } = await import('./store/mongo/mongo-store.js');
  return openMongoStore({ url: storage.url });
}

const DAY_MS = 86_400_000;

function ruleOf(retention: RetentionDays | undefined): RetentionRule | undefined {
  if (!retention) return undefined;
  const { others, projects } = retention;
  return (projectId) => {
    const days = projects.get(projectId) ?? others;
    return days === 'never' ? undefined : days * DAY_MS;
  };
}
