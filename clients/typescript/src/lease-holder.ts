import { create } from '@bufbuild/protobuf';
import { LeaseLostError, UnavailableError } from './api-errors.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import {
  type Assignment,
  type CompleteStepRequest,
  CompleteStepRequestSchema,
  type CompleteStepResponse,
  type Lease,
} from './gen/polos/v1/worker_service_pb.js';
import { pause, retryDelayMs } from './retry.js';

/** Carries completions to the server: over a Work stream, or in a test to a fake. */
export interface CompletionPort {
  /**
   * Sends a completion and waits for its answer, over breaks of the connection too: then it is sent again unchanged.
   * @throws PolosError: the typed error of the answer.
   */
  complete(request: CompleteStepRequest): Promise<CompleteStepResponse>;
}

/** How fast a completion is sent again while the store is down, in milliseconds. */
const RETRY_DELAYS = { baseDelay: 100, maxDelay: 5_000 };

/** How often it is looked whether the lease is held again, in milliseconds. */
const LOOK_MS = 100;

/** Sends one activation's completions under its lease, numbered without gaps. */
export class LeaseHolder {
  readonly #port: CompletionPort;
  readonly #leaseMs: number;
  #lease: Lease;
  #sequence = 0n;
  #heldAt: number;

  /** @param heldAt when the lease came (performance.now). */
  constructor(port: CompletionPort, lease: Lease, leaseMs: number, heldAt = performance.now()) {
    this.#port = port;
    this.#lease = lease;
    this.#leaseMs = leaseMs;
    this.#heldAt = heldAt;
  }

  /** The lease, as it is extended. */
  get lease(): Lease {
    return this.#lease;
  }

  /** Goes on under a new lease of the same execution, which came at `heldAt` (performance.now). */
  renew(lease: Lease, heldAt = performance.now()): void {
    this.#lease = lease;
    this.#sequence = 0n;
    this.#heldAt = heldAt;
  }

  /** Takes note that the server said the lease is held, in answer to what was sent at `sentAt` (performance.now). */
  confirm(sentAt: number): void {
    this.#heldAt = Math.max(this.#heldAt, sentAt);
  }

  /**
   * Whether nobody else can have the execution yet. A process that was stopped for a while finds an acknowledgement in its
   * socket that is older than its lease; it must not start a function that another worker may have finished meanwhile.
   * A completion leaves at least two thirds of the lease.
   */
  get isSurelyHeld(): boolean {
    return performance.now() < this.#heldAt + (this.#leaseMs * 2) / 3;
  }

  /** Waits until the lease is surely held, which a heartbeat's answer says. @returns false as soon as the signal aborts. */
  async untilHeld(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && !this.isSurelyHeld) await pause(LOOK_MS, signal);
    return !signal.aborted;
  }

  /**
   * Sends a completion. While the store is down the same one is sent again, until the lease is surely over. After a
   * refusal nothing has happened, and the next completion takes the same number.
   * @throws PolosError why it was refused; LeaseLostError once the lease is over.
   */
  async complete(commands: Command[], stateUnsettled: boolean): Promise<CompleteStepResponse> {
    const request = create(CompleteStepRequestSchema, {
      lease: this.#lease,
      sequence: this.#sequence + 1n,
      commands,
      stateUnsettled,
    });
    for (let retry = 0; ; retry++) {
      const sentAt = performance.now();
      try {
        const response = await this.#port.complete(request);
        this.#sequence = request.sequence;
        this.confirm(sentAt);
        return response;
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        const delay = error.retryDelayMs ?? retryDelayMs(RETRY_DELAYS, retry, Math.random());
        if (performance.now() + delay > this.#heldAt + 2 * this.#leaseMs) {
          throw new LeaseLostError(`the server could not commit within the lease: ${error.message}`);
        }
        await pause(delay);
      }
    }
  }
}

/** The lease that an assignment comes with. */
export function leaseOf(assignment: Assignment): Lease {
  if (assignment.lease === undefined) throw new Error('the server sent an assignment without a lease');
  return assignment.lease;
}
