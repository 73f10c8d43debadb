import type { Message } from '@bufbuild/protobuf';
import type { Metadata } from '@grpc/grpc-js';
import type { CallGate, WaitingCall } from './call-gate.js';
import { toRpcError } from './error-table.js';
import { type CallListener, decodeMessage, type GrpcCall } from './grpc-call.js';
import { type Call, pathOf, type Route, type StreamRoute, type UnaryRoute } from './method.js';
import type { RpcContext } from './rpc-context.js';
import { Code, RpcError } from './status.js';
import { validate } from './validation.js';
import { encode } from './wire/encoder.js';

/** Answers calls of one route over gRPC. */
export function grpcListener(
  route: Route,
  isOpen: boolean,
  context: RpcContext,
): (call: GrpcCall) => CallListener {
  return (call) => new RoutedCall(call, route, isOpen, context);
}

/** Bytes of a stream's answer on their way to the socket; beyond it the method waits for the reader. */
const UNFLUSHED_BYTES_MAX = 262_144;

/** One call: reads its only message, runs the method, sends what it answers. */
class RoutedCall implements CallListener, Call, WaitingCall {
  readonly #call: GrpcCall;
  readonly #route: Route;
  readonly #isOpen: boolean;
  readonly #context: RpcContext;
  readonly #gate: CallGate;
  #projectId = '';
  #isGone = false;
  #isRunning = false;
  #abort: AbortController | undefined;
  #unflushed = 0;
  #onFlushed: (() => void) | undefined;

  constructor(call: GrpcCall, route: Route, isOpen: boolean, context: RpcContext) {
    this.#call = call;
    this.#route = route;
    this.#isOpen = isOpen;
    this.#context = context;
    this.#gate = context.gate;
  }

  get projectId(): string {
    return this.#projectId;
  }

  /** Made when it is first asked for: most methods never do. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#isGone) this.#abort.abort();
      else this.#context.closing.addEventListener('abort', this.#stop, { once: true });
      if (this.#context.closing.aborted) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  headers(headers: Metadata): void {
    try {
      this.#gate.enter(this);
      this.#projectId = this.#isOpen ? '' : this.#context.admit(headers);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#call.read();
  }

  message(bytes: Buffer): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#gate.begin(this);
    void this.#run(bytes);
  }

  halfClosed(): void {
    if (!this.#isRunning) this.#fail(new RpcError(Code.invalidArgument, 'the call has no request message'));
  }

  gone(): void {
    this.#isGone = true;
    this.#stop();
    this.#onFlushed?.();
    if (!this.#isRunning) this.#gate.leave(this);
  }

  /** Ends a call whose request does not come. */
  expire(): void {
    this.#fail(new RpcError(Code.deadlineExceeded, 'the request message did not come in time'));
  }

  readonly #stop = (): void => {
    this.#abort?.abort();
  };

  async #run(bytes: Buffer): Promise<void> {
    const route = this.#route;
    try {
      const request = decodeMessage(route.desc.input, bytes);
      validate(route.desc.input, request);
      if (route.kind === 'unary') await this.#answer(route, request);
      else await this.#stream(route, request);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#gate.leave(this);
      if (this.#abort) this.#context.closing.removeEventListener('abort', this.#stop);
    }
  }

  async #answer({ desc, run }: UnaryRoute, request: Message): Promise<void> {
    const response = await run(request, this);
    this.#call.send(encode(desc.output, response));
    this.#call.end();
  }

  async #stream({ desc, run }: StreamRoute, request: Message): Promise<void> {
    for await (const response of run(request, this)) {
      if (this.#isGone) return;
      this.#send(encode(desc.output, response));
      while (this.#unflushed > UNFLUSHED_BYTES_MAX && !this.#isGone) await this.#flushed();
    }
    this.#call.end();
  }

  #send(bytes: Buffer): void {
    this.#unflushed += bytes.byteLength;
    this.#call.send(bytes, () => {
      this.#unflushed -= bytes.byteLength;
      this.#onFlushed?.();
    });
  }

  #flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFlushed = resolve;
    });
  }

  #fail(thrown: unknown): void {
    // Also for a caller that is gone: the log is to have it.
    const error = toRpcError(thrown, { method: pathOf(this.#route.desc), log: this.#context.log });
    if (!this.#isGone) this.#call.fail(error);
  }
}
