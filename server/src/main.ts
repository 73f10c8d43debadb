import { pino } from 'pino';
import { readConfig, type ServerConfig, type ServerOptions } from './config.js';
import { systemClock } from './engine/clock.js';
import { Engine } from './engine/engine.js';
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
  const store = await openStore(config);
  const { leaseMs, host, port, apiKeys, drainMs } = config;
  const fault = (error: unknown) =>
    log.error({ err: error }, 'background work failed; it will be tried again');
  const engine = new Engine({ store, clock: systemClock(), leaseMs, fault });
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

async function openStore({ store, dataDir }: ServerConfig): Promise<Store> {
  if (store === 'mongodb') throw new Error('the MongoDB store does not exist yet; use --store embedded');
  return openEmbeddedStore({ dataDir });
}
