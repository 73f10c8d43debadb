import { Code, RpcError } from './status.js';

/** A call that has begun and whose request has not come yet. */
export interface WaitingCall {
  /** Ends it. */
  expire(): void;
}

/**
 * Bounds what callers can make the server hold, because grpc-js bounds nothing: how many calls there are at once (a call
 * that was reset counts until its method has ended), and how long a call may take to send its request. Together with the
 * limit of streams of one connection (grpc-server.ts) and nghttp2's own limit of resets (a burst of 1,000, then 33 a
 * second, then the connection is closed) that is the gate against a rapid reset (CVE-2023-44487).
 */
export class CallGate {
  readonly #waiting = new Map<WaitingCall, number>();
  readonly #sweep: NodeJS.Timeout;
  readonly #limits: GateLimits;
  #calls = new Set<WaitingCall>();

  constructor(limits: GateLimits = GATE_LIMITS) {
    this.#limits = limits;
    this.#sweep = setInterval(() => this.#expire(), limits.requestMs / 4);
    this.#sweep.unref();
  }

  /** How many calls there are. */
  get size(): number {
    return this.#calls.size;
  }

  /** Lets a call in; throws RpcError when there are too many. */
  enter(call: WaitingCall): void {
    if (this.#calls.size >= this.#limits.calls) {
      throw new RpcError(Code.resourceExhausted, 'the server has as many calls as it takes; try again later');
    }
    this.#calls.add(call);
    this.#waiting.set(call, performance.now() + this.#limits.requestMs);
  }

  /** Its request has come. */
  begin(call: WaitingCall): void {
    this.#waiting.delete(call);
  }

  /** It has ended. May be repeated. */
  leave(call: WaitingCall): void {
    this.#waiting.delete(call);
    this.#calls.delete(call);
  }

  /** Lets go of the timer. */
  close(): void {
    clearInterval(this.#sweep);
  }

  #expire(): void {
    const now = performance.now();
    for (const [call, until] of this.#waiting) {
      // In order of entry, so the first one in time ends the search.
      if (until > now) return;
      this.#waiting.delete(call);
      call.expire();
    }
  }
}

/** What the gate allows. */
export interface GateLimits {
  readonly calls: number;
  readonly requestMs: number;
}

/** Long polls count: 20,000 pollers and followers on one server. */
const GATE_LIMITS: GateLimits = { calls: 20_000, requestMs: 20_000 };
