import {
  AccessDeniedError,
  InvalidArgumentError,
  LeaseLostError,
  LimitExceededError,
  NotFoundError,
  PolosApiError,
} from './api-errors.js';
import type {
  Assignment,
  CompleteStepRequest,
  CompleteStepResponse,
  Lease,
  LeaseReport,
  RegisterWorkerRequest,
  RegisterWorkerResponse,
  WorkResponse,
  WorkResponse_Completed,
  WorkResponse_Notice,
} from './gen/polos/v1/worker_service_pb.js';
import { WorkerService } from './gen/polos/v1/worker_service_pb.js';
import type { CompletionPort } from './lease-holder.js';
import type { Logger } from './logger.js';
import { pause, retryDelayMs } from './retry.js';
import { fromStatus } from './status.js';
import { durationMs } from './time.js';
import { isConnectionTrouble, type Transport } from './transport.js';
import { WorkSession } from './work-session.js';

/** How fast the worker connects again, in milliseconds. */
const RECONNECT_DELAYS = { baseDelay: 100, maxDelay: 1_000 };
const LEASE_MS_DEFAULT = 30_000;
/** Lost leases that one message names. */
const RELEASED_MAX = 10_000;

/** What a link tells its worker. */
export interface WorkerLinkListener {
  /** The server knows the worker (again): its id, limits and lease duration. */
  registered(answer: RegisterWorkerResponse): void;
  /** The stream is open, for the first time or again. */
  opened(): void;
  assigned(assignment: Assignment): void;
  noticed(notice: WorkResponse_Notice): void;
  /** @param sentAt when the heartbeat was sent that this answers (performance.now). */
  leasesExtended(reports: readonly LeaseReport[], sentAt: number): void;
  /** How many more executions the worker takes now. */
  freeSlots(): number;
  /** The leases it holds. */
  leases(): Lease[];
}

interface Call {
  readonly request: CompleteStepRequest;
  readonly resolve: (response: CompleteStepResponse) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A worker's connection to the server: registers, keeps a Work stream open, connects again when it breaks, and sends
 * completions that were not answered again, unchanged. Leases outlive the stream, so that executions go on meanwhile.
 */
export class WorkerLink implements CompletionPort {
  readonly #transport: Transport;
  readonly #registration: RegisterWorkerRequest;
  readonly #listener: WorkerLinkListener;
  readonly #logger: Logger;
  readonly #calls = new Map<bigint, Call>();
  readonly #stop = new AbortController();
  #lastCallId = 0n;
  #workerId: string | undefined;
  #session: WorkSession | undefined;
  #isWelcome = false;
  #isServerDraining = false;
  #isDraining = false;
  #isAbsenceReported = false;
  #credits = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  /** The heartbeats of this stream that are not answered yet; answers come in order. */
  #heartbeats: { readonly sentAt: number; readonly released: readonly Lease[] }[] = [];
  /** Lost leases under which nothing runs any more, until the server has taken note of them. */
  readonly #released = new Set<Lease>();
  #isReleasing = false;
  #leaseMs = LEASE_MS_DEFAULT;

  constructor(
    transport: Transport,
    registration: RegisterWorkerRequest,
    listener: WorkerLinkListener,
    logger: Logger,
  ) {
    this.#transport = transport;
    this.#registration = registration;
    this.#listener = listener;
    this.#logger = logger;
  }

  /**
   * Stays connected until `close`. A server that cannot be reached is waited for.
   * @throws AccessDeniedError, InvalidArgumentError and the like: what waiting cannot help.
   */
  async run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      let reason: unknown;
      try {
        this.#workerId ??= await this.#register();
        reason = await this.#serve(this.#workerId);
      } catch (error) {
        reason = error;
      }
      if (this.#stop.signal.aborted) return;
      if (reason instanceof NotFoundError) this.#workerId = undefined;
      else if (isHopeless(reason)) throw reason;
      failures = this.#isWelcome ? 0 : failures + 1;
      if (reason !== undefined && !this.#isAbsenceReported) {
        this.#isAbsenceReported = true;
        this.#logger.warn(`${describe(reason)}; waiting for the server`);
      }
      this.#isWelcome = false;
      await pause(retryDelayMs(RECONNECT_DELAYS, failures, Math.random()), this.#stop.signal);
    }
  }

  complete(request: CompleteStepRequest): Promise<CompleteStepResponse> {
    return new Promise((resolve, reject) => {
      if (this.#stop.signal.aborted) return reject(new LeaseLostError('the worker has stopped'));
      this.#lastCallId += 1n;
      this.#calls.set(this.#lastCallId, { request, resolve, reject });
      if (this.#isWelcome) this.#sendCall(this.#lastCallId, request);
    });
  }

  /** Gives up completions of an execution whose lease is over. */
  forget(executionId: string): void {
    for (const [id, { request, reject }] of this.#calls) {
      if (request.lease?.executionId !== executionId) continue;
      this.#calls.delete(id);
      reject(new LeaseLostError(`the lease of execution ${executionId} is over`));
    }
  }

  /** Says that nothing runs under a lost lease any more: now, and again until the server has answered. */
  release(lease: Lease): void {
    this.#released.add(lease);
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    setImmediate(() => {
      this.#isReleasing = false;
      if (this.#isWelcome) this.#beat([]);
    });
  }

  /** Lets the server send one more execution. */
  grant(): void {
    this.#endIfDrained();
    if (!this.#isWelcome || this.#isDraining) return;
    this.#credits += 1;
    if (this.#credits === 1) setImmediate(() => this.#sendCredits());
  }

  /** Asks for no more executions. */
  drain(): void {
    this.#isDraining = true;
    this.#session?.send({ case: 'drain', value: {} });
  }

  /** Ends the stream and gives up what is not answered. */
  close(): void {
    this.#stop.abort();
    for (const { reject } of this.#calls.values()) reject(new LeaseLostError('the worker has stopped'));
    this.#calls.clear();
    this.#session?.end();
    // The server closes too when it has answered; a server that does not must not keep the process.
    const session = this.#session;
    setTimeout(() => session?.cancel(), 1_000).unref();
  }

  async #register(): Promise<string> {
    const rule = { repeatable: false };
    const answer = await this.#transport.call(WorkerService.method.registerWorker, this.#registration, rule);
    if (answer.leaseDuration !== undefined) this.#leaseMs = durationMs(answer.leaseDuration);
    this.#listener.registered(answer);
    return answer.workerId;
  }

  /** Holds one stream. Returns why it ended. */
  async #serve(workerId: string): Promise<Error | undefined> {
    this.#isServerDraining = false;
    const session = new WorkSession(this.#transport, workerId, (message) => this.#receive(message));
    this.#session = session;
    const reason = await session.ended;
    this.#session = undefined;
    clearInterval(this.#heartbeat);
    return reason;
  }

  #receive(message: WorkResponse['message']): void {
    switch (message.case) {
      case 'welcome':
        this.#open();
        break;
      case 'assignment':
        this.#listener.assigned(message.value);
        break;
      case 'completed':
        this.#settle(message.value);
        break;
      case 'leasesExtended':
        this.#noteExtended(message.value.reports);
        break;
      case 'notice':
        this.#listener.noticed(message.value);
        break;
      case 'drain':
        this.#isServerDraining = true;
        this.#endIfDrained();
        break;
      default:
    }
  }

  #open(): void {
    this.#isWelcome = true;
    this.#isAbsenceReported = false;
    this.#heartbeats = [];
    this.#heartbeat = setInterval(() => this.#beat(this.#listener.leases()), this.#leaseMs / 3);
    this.#beat(this.#listener.leases());
    for (const [id, { request }] of this.#calls) this.#sendCall(id, request);
    this.#credits = this.#isDraining ? 0 : this.#listener.freeSlots();
    this.#sendCredits();
    this.#listener.opened();
  }

  #sendCredits(): void {
    const count = this.#credits;
    this.#credits = 0;
    if (count > 0 && !this.#isDraining) this.#session?.send({ case: 'credits', value: { count } });
  }

  #beat(leases: Lease[]): void {
    const released = [...this.#released].slice(0, RELEASED_MAX);
    if (leases.length + released.length === 0 || this.#workerId === undefined) return;
    this.#heartbeats.push({ sentAt: performance.now(), released });
    this.#session?.send({ case: 'extendLeases', value: { workerId: this.#workerId, leases, released } });
  }

  #noteExtended(reports: readonly LeaseReport[]): void {
    const { sentAt = 0, released = [] } = this.#heartbeats.shift() ?? {};
    for (const lease of released) this.#released.delete(lease);
    this.#listener.leasesExtended(reports, sentAt);
  }

  #sendCall(callId: bigint, request: CompleteStepRequest): void {
    this.#session?.send({ case: 'complete', value: { callId, request } });
  }

  #settle({ callId, answer }: WorkResponse_Completed): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    this.#calls.delete(callId);
    if (answer.case === 'response') call.resolve(answer.value);
    else if (answer.case === 'error') call.reject(fromStatus(answer.value));
    else call.reject(new PolosApiError('INTERNAL', 'the server answered a completion with nothing'));
    this.#endIfDrained();
  }

  /** After the server's drain: once nothing is held any more, this stream has done its work. */
  #endIfDrained(): void {
    if (!this.#isServerDraining || this.#calls.size > 0 || this.#listener.leases().length > 0) return;
    this.#session?.end();
  }
}

/** Whether no waiting makes it better. */
function isHopeless(reason: unknown): boolean {
  if (reason === undefined || isConnectionTrouble(reason)) return false;
  return (
    reason instanceof AccessDeniedError ||
    reason instanceof InvalidArgumentError ||
    reason instanceof LimitExceededError ||
    (reason instanceof PolosApiError && reason.status === 'UNIMPLEMENTED')
  );
}

function describe(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
