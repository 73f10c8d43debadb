import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  create,
  createRegistry,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { Execution } from '../../server/src/core/execution.js';
import type { EngineApi } from '../../server/src/engine/api.js';
import { file_google_rpc_error_details } from '../../server/src/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../server/src/gen/google/rpc/status_pb.js';
import { file_polos_v1_error_details } from '../../server/src/gen/polos/v1/error_details_pb.js';
import { type Listener, listen } from '../../server/src/rpc/listen.js';
import { pathOf } from '../../server/src/rpc/method.js';

const EXECUTION: Execution = {
  id: 'e',
  projectId: 'default',
  workflowId: 'w',
  queue: 'w',
  status: 'running',
  version: 1,
  createdAt: 1,
  updatedAt: 1,
  rootExecutionId: 'e',
  rootWorkflowId: 'w',
  sessionId: 's',
  priority: 0,
  searchAttributes: {},
  requestDigest: '',
  ready: false,
  readyAt: 1,
  failedAttempts: 0,
  lostLeases: 0,
  epoch: 1,
  runMs: 0,
  waits: {},
  hasChildren: false,
  stepCount: 0,
  eventCount: 1,
  stateRevision: 1,
  stateBytes: 2,
  stateUpdatedAt: 1,
  stateUnsettled: false,
  outbox: [],
  outboxCount: 0,
};

const INVOKED = { executionId: 'e1', created: true, createdAt: 1_795_000_000_000, sessionId: 's1' };

/** What a test wants to be different. */
export interface Stage {
  readonly engine?: Partial<EngineApi>;
  readonly apiKeys?: readonly string[];
  /** Takes what the server logs. */
  readonly logged?: object[];
  readonly channel?: object;
}

/** A listener before an engine that does what a test says, and clients of it. */
export async function serve({ engine, apiKeys = [], logged = [], channel = {} }: Stage = {}) {
  const requests: object[] = [];
  const waiting = new Signals();
  const stub: Partial<EngineApi> = {
    invoke: async (request) => {
      requests.push(request);
      return INVOKED;
    },
    awaitResult: async (_, id, { signal }) => {
      await waiting.until(signal);
      return { execution: { ...EXECUTION, id } };
    },
    events: (_, _id, { signal }) => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          await waiting.until(signal);
          return { value: undefined, done: true };
        },
      }),
    }),
    complete: async () => ({
      execution: EXECUTION,
      outcomes: [],
    }),
    openWork: async () => ({ grant() {}, touch() {}, drain() {}, close() {} }),
    ...engine,
  };
  const write = (fields: object) => void logged.push(fields);
  const log = { info: write, warn: write, error: write };
  const listener = await listen({ engine: stub as EngineApi, host: '127.0.0.1', port: 0, apiKeys, log });
  const client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure(), channel);
  onTestFinished(async () => {
    client.close();
    await listener.close({ graceMs: 0 });
  });
  const call = async <I extends DescMethodUnary['input'], O extends DescMethodUnary['output']>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    headers: Readonly<Record<string, string>> = {},
    options: CallOptions = {},
  ): Promise<MessageShape<O>> => {
    const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
    return fromBinary(method.output, await raw(client, pathOf(method), bytes, headers, options));
  };
  const json = async (path: string, body: object, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(listener.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { listener, client, call, json, requests, waiting };
}

/** The signals of methods that wait until theirs aborts. */
export class Signals {
  readonly #signals: AbortSignal[] = [];
  #wake: (() => void) | undefined;
  #open = 0;

  async until(signal: AbortSignal): Promise<void> {
    this.#signals.push(signal);
    this.#wake?.();
    this.#open += 1;
    if (!signal.aborted) await once(signal, 'abort');
    this.#open -= 1;
  }

  open(): number {
    return this.#open;
  }

  async next(): Promise<AbortSignal> {
    while (this.#signals.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#signals.shift() as AbortSignal;
  }
}

/** Calls a method with the bytes of a request. */
export function raw(
  client: Client,
  path: string,
  bytes: Buffer,
  headers: Readonly<Record<string, string>> = {},
  options: CallOptions = {},
): Promise<Buffer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, options, (error, value) => {
      if (error) reject(error);
      else resolve(value as Buffer);
    });
  });
}

/** The error of a call that has to have one. */
export async function refused(answer: Promise<unknown>): Promise<ServiceError> {
  return answer.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: ServiceError) => error,
  );
}

/** The typed details of an error. */
export function details(error: ServiceError): object[] {
  const registry = createRegistry(file_google_rpc_error_details, file_polos_v1_error_details);
  const bytes = error.metadata.get('grpc-status-details-bin')[0] as Buffer;
  return fromBinary(StatusSchema, bytes).details.map((any) => anyUnpack(any, registry) ?? {});
}

/** The fields that an error is about. */
export function violations(error: ServiceError): unknown {
  return (details(error) as { fieldViolations?: unknown }[])[0]?.fieldViolations;
}

/** A bare connection. */
export function open({ port }: Listener): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Messages are bytes here, in both directions. */
export function asIs(bytes: Buffer): Buffer {
  return bytes;
}
