import { setTimeout as delay } from 'node:timers/promises';
import { type CallOptions, ConnectError } from '@connectrpc/connect';
import type { Call } from './call.js';
import { isConnectionLost } from './call-error.js';

/** How long to try again after the connection was lost, and how long to wait in between, in milliseconds. */
const TRY_MS_MAX = 60_000;
const DELAY_MS = 1000;

/** 0 is no time limit: the server's keepalive and pings tell a quiet stream from a dead one. */
const UNLIMITED: CallOptions = { timeoutMs: 0 };

/**
 * The messages of a stream that is opened again after a break of the connection.
 * @param open  begins after the last message that was taken.
 */
export async function* reopening<T>(
  call: Call,
  open: (options: CallOptions) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const recovery = new Recovery(call);
  for (;;) {
    try {
      for await (const message of open(UNLIMITED)) {
        recovery.succeeded();
        yield message;
      }
      return;
    } catch (error) {
      await recovery.recover(error);
    }
  }
}

/** Carries a long wait over breaks of the connection, such as a restart of the server: for a minute each. */
export class Recovery {
  readonly #call: Call;
  #isConnected = false;
  #lostAt: number | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  /** The server answered. Until it has once, nothing is tried again: the address may be wrong. */
  succeeded(): void {
    this.#isConnected = true;
    if (this.#lostAt !== undefined) this.#call.remark('connected again');
    this.#lostAt = undefined;
  }

  /** Returns when the call should be repeated; throws the error when that would not help, or no longer. */
  async recover(error: unknown): Promise<void> {
    if (!this.#isConnected || !(error instanceof ConnectError) || !isConnectionLost(error)) throw error;
    if (this.#lostAt === undefined)
      this.#call.remark('the connection to the server is lost; trying again for a minute');
    this.#lostAt ??= Date.now();
    if (Date.now() - this.#lostAt > TRY_MS_MAX) throw error;
    await delay(DELAY_MS);
  }
}
