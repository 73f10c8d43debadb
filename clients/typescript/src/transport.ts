import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { UnavailableError } from './api-errors.js';
import type { PolosConnection } from './config.js';
import { pause, retryDelayMs } from './retry.js';
import { readStream } from './server-stream.js';
import { fromRpcFailure } from './status.js';
import { keepTextsAsTheyAre } from './text-encoding.js';

keepTextsAsTheyAre();

/** Bytes of one message that this side accepts: a page of steps, an assignment with payload and state. */
const RECEIVE_BYTES_MAX = 64 * 1024 * 1024;
/** How fast a call that found no server is tried again, in milliseconds. */
const RETRY_DELAYS = { baseDelay: 100, maxDelay: 1_000 };
/** How long one try of a call may take, in milliseconds, unless the call waits on purpose. */
const TRY_TIMEOUT_MS = 30_000;

/** How a unary call is made. */
export interface CallRule {
  /** How long it may take in all, tries and pauses included, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** How long one try may take, in milliseconds. Default 30,000. */
  readonly tryTimeoutMs?: number;
  /** Whether it is sent again when the server cannot be reached: only for calls that may be repeated. */
  readonly repeatable: boolean;
}

/** One connection to a server, over which any number of calls run at once. Opened by the first call. */
export class Transport {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #apiUrl: string;

  constructor(connection: PolosConnection) {
    const { apiUrl, apiKey, projectId } = connection;
    const { target, isSecure, isLoopback } = parseApiUrl(apiUrl);
    this.#apiUrl = apiUrl;
    this.#client = new Client(target, isSecure ? credentials.createSsl() : credentials.createInsecure(), {
      'grpc.max_receive_message_length': RECEIVE_BYTES_MAX,
      'grpc.max_send_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': RETRY_DELAYS.baseDelay,
      'grpc.max_reconnect_backoff_ms': RETRY_DELAYS.maxDelay,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      // A proxy of the environment is for other machines.
      'grpc.enable_http_proxy': isLoopback ? 0 : 1,
    });
    if (apiKey !== undefined) this.#metadata.set('authorization', `Bearer ${apiKey}`);
    this.#metadata.set('x-project-id', projectId);
  }

  /**
   * Makes a unary call. A server that cannot be reached is tried again until the time is up, if the call may be repeated.
   * @throws PolosError: the typed error of the status.
   */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageShape<I>,
    rule: CallRule,
  ): Promise<MessageShape<O>> {
    const { timeoutMs = TRY_TIMEOUT_MS, tryTimeoutMs = TRY_TIMEOUT_MS, repeatable } = rule;
    const end = performance.now() + timeoutMs;
    for (let retry = 0; ; retry++) {
      try {
        const left = end - performance.now();
        return await this.#callOnce(method, request, Math.max(1, Math.min(left, tryTimeoutMs)));
      } catch (error) {
        const failure = this.explain(error as ServiceError);
        const suggested = failure instanceof UnavailableError ? (failure.retryDelayMs ?? 0) : 0;
        const delay = Math.max(suggested, retryDelayMs(RETRY_DELAYS, retry, Math.random()));
        const mayRepeat = repeatable && isConnectionTrouble(failure);
        if (!mayRepeat || performance.now() + delay >= end) throw failure;
        await pause(delay);
      }
    }
  }

  /**
   * Opens a server stream. The iterator ends with the stream; leaving the loop cancels it.
   * @throws PolosError from the iterator when the stream breaks.
   */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageShape<I>,
    signal?: AbortSignal,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const { path, serialize, deserialize } = codec(method);
    const call = this.#client.makeServerStreamRequest(path, serialize, deserialize, request, this.#metadata);
    return readStream(call, (failure) => this.explain(failure), signal);
  }

  /** Opens a bidirectional stream. The caller listens to `data`, `error` and `end`. */
  duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
  ): ClientDuplexStream<MessageShape<I>, MessageShape<O>> {
    const { path, serialize, deserialize } = codec(method);
    return this.#client.makeBidiStreamRequest(path, serialize, deserialize, this.#metadata);
  }

  /** Closes the connection. Calls under way fail. */
  close(): void {
    this.#client.close();
  }

  #callOnce<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageShape<I>,
    timeoutMs: number,
  ): Promise<MessageShape<O>> {
    const { path, serialize, deserialize } = codec(method);
    const options: CallOptions = { deadline: Date.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      const onAnswer = (error: ServiceError | null, answer?: MessageShape<O>) => {
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new UnavailableError('the server gave no answer'));
        else resolve(answer);
      };
      this.#client.makeUnaryRequest(path, serialize, deserialize, request, this.#metadata, options, onAnswer);
    });
  }

  /** The typed error of a failed call; for streams, whose events carry the raw one. */
  explain(failure: ServiceError): Error {
    if (typeof failure.code !== 'number') return failure;
    const error = fromRpcFailure(failure);
    const isLocal = (failure.metadata?.get('grpc-status-details-bin').length ?? 0) === 0;
    if (!(error instanceof UnavailableError) || !isLocal) return error;
    const reason = failure.details.replace(/\s*Resolution note:\s*$/, '');
    return new UnavailableError(`cannot reach a Polos server at ${this.#apiUrl}: ${reason}`);
  }
}

/** Whether a failure says nothing about the request, so that it may be sent again if it may be repeated. */
export function isConnectionTrouble(error: unknown): boolean {
  return (
    error instanceof UnavailableError ||
    (error instanceof Error && 'status' in error && error.status === 'DEADLINE_EXCEEDED')
  );
}

/** Serializers of one method. */
function codec<I extends DescMessage, O extends DescMessage>(method: DescMethod & { input: I; output: O }) {
  const { input, output } = method;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    serialize: (message: MessageShape<I>): Buffer => {
      const bytes = toBinary(input, message);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes: Buffer): MessageShape<O> => fromBinary(output, bytes),
  };
}

/** @throws TypeError for anything but `http(s)://HOST[:PORT]`. */
function parseApiUrl(apiUrl: string): { target: string; isSecure: boolean; isLoopback: boolean } {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  const isPlain = url?.pathname === '/' && url.search === '' && url.username === '';
  if (url === undefined || !isPlain || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError(`apiUrl must look like "http://localhost:8080", not ${JSON.stringify(apiUrl)}`);
  }
  const isSecure = url.protocol === 'https:';
  const isLoopback = /^(localhost|127\..*|\[::1\])$/.test(url.hostname);
  const port = url.port === '' ? (isSecure ? '443' : '80') : url.port;
  const scheme = url.hostname.startsWith('[') ? 'ipv6' : 'dns';
  return { target: `${scheme}:${url.hostname}:${port}`, isSecure, isLoopback };
}
