import type { Metadata } from '@grpc/grpc-js';
import type { EngineApi } from '../engine/api.js';
import {
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
  WorkResponseSchema,
} from '../gen/polos/v1/worker_service_pb.js';
import type { CallGate, WaitingCall } from './call-gate.js';
import { toRpcError } from './error-table.js';
import { type CallListener, decodeMessage, type GrpcCall } from './grpc-call.js';
import type { RpcContext } from './rpc-context.js';
import { Code, RpcError } from './status.js';
import { encode } from './wire/encoder.js';
import { WorkStream, type WorkTransport } from './work-stream.js';

/** How often silence is looked at. */
const TICK_MS = 1_000;

/** The open Work streams of a server. */
export class WorkStreams {
  readonly #engine: EngineApi;
  readonly #context: RpcContext;
  readonly #streams = new Set<WorkStream>();
  readonly #ticks: NodeJS.Timeout;
  #isDraining = false;

  constructor(engine: EngineApi, context: RpcContext) {
    this.#engine = engine;
    this.#context = context;
    this.#ticks = setInterval(() => this.#tick(), TICK_MS);
    this.#ticks.unref();
  }

  /** Answers one call of Work over gRPC. */
  readonly listener = (call: GrpcCall): CallListener => new WorkCall(call, this);

  /** Opens a stream for an admitted call. */
  open(headers: Metadata, transport: WorkTransport): WorkStream {
    const projectId = this.#context.admit(headers);
    const stream = new WorkStream({ engine: this.#engine, projectId, transport, log: this.#context.log });
    this.#streams.add(stream);
    if (this.#isDraining) stream.drain();
    return stream;
  }

  /** Forgets a stream that is gone. */
  forget(stream: WorkStream): void {
    this.#streams.delete(stream);
  }

  /** What counts the calls. */
  get gate(): CallGate {
    return this.#context.gate;
  }

  /** What a call that could not be opened is told. */
  refusal(error: unknown): RpcError {
    return toRpcError(error, { method: 'Work', log: this.#context.log });
  }

  /** Begins the orderly end of every stream. */
  drain(): void {
    this.#isDraining = true;
    for (const stream of this.#streams) stream.drain();
  }

  /** Ends every stream at once. */
  cut(error: RpcError): void {
    clearInterval(this.#ticks);
    for (const stream of this.#streams) stream.fail(error);
  }

  #tick(): void {
    const now = performance.now();
    for (const stream of this.#streams) stream.tick(now);
  }
}

/** Joins one gRPC call and its stream. */
class WorkCall implements CallListener, WorkTransport, WaitingCall {
  readonly #call: GrpcCall;
  readonly #streams: WorkStreams;
  #stream: WorkStream | undefined;

  constructor(call: GrpcCall, streams: WorkStreams) {
    this.#call = call;
    this.#streams = streams;
  }

  headers(headers: Metadata): void {
    try {
      this.#streams.gate.enter(this);
      this.#stream = this.#streams.open(headers, this);
    } catch (error) {
      this.#call.fail(this.#streams.refusal(error));
      return;
    }
    this.#stream.begin();
  }

  message(bytes: Buffer): void {
    this.#streams.gate.begin(this);
    let request: WorkRequest;
    try {
      request = decodeMessage(WorkRequestSchema, bytes) as WorkRequest;
    } catch (error) {
      this.#stream?.fail(error);
      return;
    }
    this.#stream?.receive(request);
  }

  halfClosed(): void {
    this.#stream?.halfClosed();
  }

  /** Ends a stream whose hello does not come. */
  expire(): void {
    this.#stream?.fail(new RpcError(Code.deadlineExceeded, 'hello did not come in time'));
  }

  gone(): void {
    this.#streams.gate.leave(this);
    if (!this.#stream) return;
    this.#stream.gone();
    this.#streams.forget(this.#stream);
  }

  send(message: WorkResponse, flushed: (bytes: number) => void): number {
    const bytes = encode(WorkResponseSchema, message);
    this.#call.send(bytes, () => flushed(bytes.byteLength));
    return bytes.byteLength;
  }

  read(): void {
    this.#call.read();
  }

  end(error?: RpcError): void {
    if (error) this.#call.fail(error);
    else this.#call.end();
  }
}
