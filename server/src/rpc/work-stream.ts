import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { EngineApi, WorkSession, WorkSink } from '../engine/api.js';
import {
  type CompleteStepRequest,
  CompleteStepRequestSchema,
  type ExtendLeasesRequest,
  ExtendLeasesRequestSchema,
  type WorkRequest,
  WorkRequest_CreditsSchema,
  WorkRequest_HelloSchema,
  type WorkResponse,
  WorkResponseSchema,
} from '../gen/polos/v1/worker_service_pb.js';
import { fromCompletion, fromExtension } from './codec/command.js';
import { toAssignment, toCompletion, toLeaseReport, toNotice } from './codec/worker.js';
import { toRpcError } from './error-table.js';
import { KEEPALIVE_MS } from './event-stream.js';
import type { RpcLog } from './log.js';
import { invalidField, unavailable } from './refusals.js';
import { Code, RpcError, toStatus } from './status.js';
import { validate } from './validation.js';

/** What carries a Work stream's messages. */
export interface WorkTransport {
  /** Sends a message; `flushed` is called once it has left. */
  send(message: WorkResponse, flushed: (bytes: number) => void): number;
  /** Asks for one more message. */
  read(): void;
  /** Ends the stream: with OK, or with an error. */
  end(error?: RpcError): void;
}

/** Silence of the worker after which the stream is closed. */
export const PEER_SILENCE_MS_MAX = 60_000;

/** Completions of one stream that are being carried out; beyond it the stream is not read. */
const COMPLETIONS_MAX = 1_000;

/**
 * Messages after which the event loop turns once before the next is read. What they commit is answered meanwhile: a
 * worker and the server that each handle all that has come would take turns, and leave one processor idle.
 */
const MESSAGES_PER_TURN = 8;

/** Bytes that the worker has not taken yet: beyond the first it gets no further work, beyond the second it is cut off. */
const UNFLUSHED_BYTES_HIGH = 4_194_304;
const UNFLUSHED_BYTES_MAX = 67_108_864;

/**
 * The server's end of one Work stream (see WorkerService.Work). Single-threaded and without a queue of its own: what comes
 * is given to the engine at once, what the engine has to say is sent at once, and when either side is too slow the stream
 * is not read and its credits are held back.
 */
export class WorkStream implements WorkSink {
  readonly #engine: EngineApi;
  readonly #projectId: string;
  readonly #transport: WorkTransport;
  readonly #log: RpcLog;
  #session: WorkSession | undefined;
  #isOver = false;
  #isHalfClosed = false;
  #isDraining = false;
  #isReading = false;
  #isOpening = false;
  #heldCredits = 0;
  #readSinceTurn = 0;
  #pending = 0;
  #unflushed = 0;
  #sentAt = performance.now();
  #heardAt = this.#sentAt;

  constructor(parts: { engine: EngineApi; projectId: string; transport: WorkTransport; log: RpcLog }) {
    this.#engine = parts.engine;
    this.#projectId = parts.projectId;
    this.#transport = parts.transport;
    this.#log = parts.log;
  }

  /** Begins to read. */
  begin(): void {
    this.#readOn();
  }

  /** Takes one message of the worker. */
  receive(request: WorkRequest): void {
    if (this.#isOver) return;
    this.#isReading = false;
    this.#heardAt = performance.now();
    try {
      this.#dispatch(request);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#session?.touch();
    this.#readOn();
  }

  /** The worker sends no more: what it has asked for is still answered. */
  halfClosed(): void {
    this.#isHalfClosed = true;
    if (!this.#session && !this.#isOpening) this.fail(firstIsHello());
    this.#session?.drain();
    this.#endWhenAnswered();
  }

  /** The connection is gone. */
  gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#session?.close();
  }

  /** Tells the worker that the server is about to stop, and gives it no more assignments. */
  drain(): void {
    if (this.#isDraining || this.#isOver) return;
    this.#isDraining = true;
    this.#session?.drain();
    this.#send({ case: 'drain', value: {} });
  }

  /** Ends the stream at once. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.gone();
    this.#transport.end(toRpcError(error, { method: 'Work', log: this.#log }));
  }

  /** Sends a sign of life if it is time for one, and closes a stream whose worker gives none. */
  tick(now: number): void {
    if (this.#isOver) return;
    if (now - this.#heardAt >= PEER_SILENCE_MS_MAX) {
      this.fail(unavailable(`nothing was heard for ${PEER_SILENCE_MS_MAX / 1000} s; connect again`));
    } else if (now - this.#sentAt >= KEEPALIVE_MS) {
      this.#send({ case: 'keepalive', value: {} });
    }
  }

  assign(assignment: Parameters<WorkSink['assign']>[0]): void {
    this.#send({ case: 'assignment', value: toAssignment(assignment) });
  }

  notify(notice: Parameters<WorkSink['notify']>[0]): void {
    this.#send({ case: 'notice', value: toNotice(notice) });
  }

  #dispatch({ message }: WorkRequest): void {
    if (message.case === 'hello') {
      validate(WorkRequest_HelloSchema, message.value);
      this.#open(message.value.workerId).catch((error: unknown) => this.fail(error));
      return;
    }
    const session = this.#session;
    if (!session) throw firstIsHello();
    switch (message.case) {
      case 'credits':
        validate(WorkRequest_CreditsSchema, message.value);
        this.#heldCredits += message.value.count;
        this.#grant(session);
        return;
      case 'complete':
        this.#complete(message.value.callId, message.value.request);
        return;
      case 'extendLeases':
        validate(ExtendLeasesRequestSchema, message.value);
        this.#extendLeases(message.value);
        return;
      case 'drain':
        session.drain();
        return;
      case 'keepalive':
        return;
      case undefined:
        throw invalidField('message', 'exactly one is required; this one is empty or newer than the server');
    }
  }

  /** Nothing more is read until the worker is known. */
  async #open(workerId: string): Promise<void> {
    if (this.#session || this.#isOpening) throw invalidField('hello', 'it was sent already');
    this.#isOpening = true;
    const session = await this.#engine.openWork(this.#projectId, workerId, this);
    this.#isOpening = false;
    if (this.#isOver) return session.close();
    this.#session = session;
    this.#send({ case: 'welcome', value: {} });
    if (this.#isDraining || this.#isHalfClosed) session.drain();
    this.#readOn();
    this.#endWhenAnswered();
  }

  #complete(callId: bigint, request: CompleteStepRequest | undefined): void {
    this.#pending += 1;
    this.#completion(request).then(
      (completion) => {
        const response = toCompletion(completion);
        this.#answer(callId, { case: 'response', value: response });
      },
      (error: unknown) => {
        const refusal = toRpcError(error, { method: 'Work.complete', log: this.#log });
        this.#answer(callId, { case: 'error', value: toStatus(refusal) });
      },
    );
  }

  async #completion(request: CompleteStepRequest | undefined) {
    if (!request) throw invalidField('request', 'value is required');
    validate(CompleteStepRequestSchema, request);
    return this.#engine.complete(this.#projectId, fromCompletion(request));
  }

  #extendLeases(request: ExtendLeasesRequest): void {
    this.#pending += 1;
    this.#engine.extendLeases(this.#projectId, ...fromExtension(request)).then(
      (reports) => {
        this.#pending -= 1;
        this.#send({ case: 'leasesExtended', value: { reports: reports.map(toLeaseReport) } });
        this.#afterAnswer();
      },
      (error: unknown) => this.fail(error),
    );
  }

  #answer(callId: bigint, answer: CompletedAnswer): void {
    this.#pending -= 1;
    this.#send({ case: 'completed', value: { callId, answer } });
    this.#afterAnswer();
  }

  #afterAnswer(): void {
    this.#readOn();
    this.#endWhenAnswered();
  }

  /** Asks for the next message unless too much is under way; the answer or the flush that ends that comes here again. */
  #readOn(): void {
    if (
      this.#isReading ||
      this.#isOpening ||
      this.#isOver ||
      this.#pending >= COMPLETIONS_MAX ||
      this.#isBehind()
    )
      return;
    this.#isReading = true;
    this.#readSinceTurn += 1;
    if (this.#readSinceTurn < MESSAGES_PER_TURN) {
      this.#transport.read();
      return;
    }
    setImmediate(() => {
      this.#readSinceTurn = 0;
      if (!this.#isOver) this.#transport.read();
    });
  }

  #isBehind(): boolean {
    return this.#unflushed > UNFLUSHED_BYTES_HIGH;
  }

  #grant(session: WorkSession): void {
    if (this.#heldCredits === 0 || this.#isBehind()) return;
    const count = this.#heldCredits;
    this.#heldCredits = 0;
    session.grant(count);
  }

  #send(message: Answer): void {
    if (this.#isOver) return;
    this.#sentAt = performance.now();
    this.#unflushed += this.#transport.send(create(WorkResponseSchema, { message }), this.#flushed);
    if (this.#unflushed > UNFLUSHED_BYTES_MAX) {
      const message = `the worker left ${this.#unflushed} bytes unread; read faster or grant fewer credits`;
      this.fail(new RpcError(Code.resourceExhausted, message));
    }
  }

  readonly #flushed = (bytes: number): void => {
    this.#unflushed -= bytes;
    if (this.#heldCredits > 0 && this.#session) this.#grant(this.#session);
    this.#readOn();
  };

  #endWhenAnswered(): void {
    if (!this.#isHalfClosed || this.#pending > 0 || this.#isOpening || this.#isOver) return;
    this.gone();
    this.#transport.end();
  }
}

function firstIsHello(): RpcError {
  return invalidField('hello', 'the first message of a Work stream is hello');
}

type Answer = Exclude<
  NonNullable<MessageInitShape<typeof WorkResponseSchema>['message']>,
  { case: undefined }
>;
type CompletedAnswer = NonNullable<Extract<Answer, { case: 'completed' }>['value']['answer']>;
