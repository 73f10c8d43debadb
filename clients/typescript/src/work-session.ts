import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { UnavailableError } from './api-errors.js';
import {
  WorkerService,
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
} from './gen/polos/v1/worker_service_pb.js';
import type { Transport } from './transport.js';

/** One message to send, by its case. */
export type WorkMessage = NonNullable<MessageInitShape<typeof WorkRequestSchema>['message']>;

/** How long this side may be silent before it sends a sign of life, in milliseconds. The protocol says 15 s. */
const SILENCE_SENT_MS = 12_000;
/** How long the server may be silent before the stream counts as broken: three missed signs of life. */
const SILENCE_RECEIVED_MS = 45_000;
/** How often both are looked at. */
const WATCH_MS = 3_000;

/** One open Work stream, from `hello` to its end. */
export class WorkSession {
  /** Resolves when the stream has ended: undefined for an orderly end, else why it broke. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  readonly #call: ClientDuplexStream<WorkRequest, WorkResponse>;
  readonly #watch: NodeJS.Timeout;
  #sentAt = performance.now();
  #receivedAt = performance.now();
  #isOpen = true;

  /** @param receive is called for each message but signs of life, in order. */
  constructor(transport: Transport, workerId: string, receive: (message: WorkResponse['message']) => void) {
    this.#call = transport.duplex(WorkerService.method.work);
    this.#watch = setInterval(() => this.#watchSilence(), WATCH_MS);
    this.ended = new Promise((resolve) => {
      const end = (reason: Error | undefined) => {
        this.#isOpen = false;
        clearInterval(this.#watch);
        resolve(reason);
      };
      this.#call.on('data', ({ message }: WorkResponse) => {
        this.#receivedAt = performance.now();
        if (message.case !== 'keepalive') receive(message);
      });
      this.#call.on('error', (failure: ServiceError) => end(transport.explain(failure)));
      this.#call.on('end', () => end(undefined));
    });
    this.send({ case: 'hello', value: { workerId } });
  }

  /** Sends a message. After the end, from either side, it does nothing. */
  send(message: WorkMessage): void {
    if (!this.#isOpen) return;
    this.#sentAt = performance.now();
    this.#call.write(create(WorkRequestSchema, { message }));
  }

  /** Sends nothing more, and lets the server close the stream. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#call.end();
  }

  /** Breaks the stream off. */
  cancel(): void {
    this.#call.cancel();
  }

  #watchSilence(): void {
    const now = performance.now();
    if (now - this.#receivedAt > SILENCE_RECEIVED_MS) {
      this.#call.destroy(new UnavailableError('the server has been silent for 45 s'));
      this.#call.cancel();
    } else if (now - this.#sentAt > SILENCE_SENT_MS) {
      this.send({ case: 'keepalive', value: {} });
    }
  }
}
