import { create, type DescMethod, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type status,
} from '@grpc/grpc-js';
import { ExecutionStatus } from './gen/polos/v1/execution_pb.js';
import type { StepRecordSchema } from './gen/polos/v1/step_pb.js';
import {
  type ExtendLeasesRequest,
  type Lease,
  RegisterWorkerResponseSchema,
  WorkerService,
  type WorkRequest,
  type WorkRequest_Complete,
  type WorkResponse,
  WorkResponseSchema,
} from './gen/polos/v1/worker_service_pb.js';
import {
  type ListStepsRequest,
  ListStepsResponseSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';

type Message = NonNullable<MessageInitShape<typeof WorkResponseSchema>['message']>;

/** One Work stream as the server sees it. */
export interface FakeStream {
  /** What the worker has sent, in order. */
  readonly received: WorkRequest['message'][];
  send(message: Message): void;
  /** Ends the stream with an error of this status. */
  fail(code: status): void;
  end(): void;
}

/** A WorkerService over real gRPC that does what the test says, with the one method of WorkflowService that workers call. */
export class FakeWorkerService {
  readonly streams: FakeStream[] = [];
  registrations = 0;
  /** Whether it answers `hello` by itself. */
  welcomes = true;
  /** Whether it answers heartbeats: nothing is lost unless a notice says so. */
  answersHeartbeats = true;
  /** What ListSteps answers, by execution, one page for each element. */
  readonly steps = new Map<string, MessageInitShape<typeof ListStepsResponseSchema>['steps'][]>();
  /** The executions whose steps were asked for, once for each page. */
  readonly listed: string[] = [];
  /** Waited for before steps are answered. */
  beforeSteps: () => Promise<void> = async () => {};
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, at the same port as before if it has listened before. */
  async start(): Promise<void> {
    const server = new Server();
    const { registerWorker, work } = WorkerService.method;
    server.addService(
      { registerWorker: definition(registerWorker, false), work: definition(work, true) },
      {
        registerWorker: (_: unknown, answer: (error: null, response: unknown) => void) => {
          this.registrations += 1;
          const leaseDuration = { seconds: 0n, nanos: 300_000_000 };
          const workerId = `worker-${this.registrations}`;
          answer(null, create(RegisterWorkerResponseSchema, { workerId, leaseDuration }));
        },
        work: ((call: ServerDuplexStream<WorkRequest, WorkResponse>) =>
          this.#accept(call)) as handleBidiStreamingCall<WorkRequest, WorkResponse>,
      },
    );
    const { listSteps } = WorkflowService.method;
    server.addService(
      { listSteps: definition(listSteps, false) },
      {
        listSteps: (
          { request }: { request: ListStepsRequest },
          answer: (error: null, response: unknown) => void,
        ) => void this.#listSteps(request).then((response) => answer(null, response)),
      },
    );
    this.#server = server;
    this.#port = await new Promise((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  }

  /** Cuts every connection. */
  stop(): void {
    this.#server?.forceShutdown();
  }

  async #listSteps({ executionId, pageToken }: ListStepsRequest): Promise<unknown> {
    this.listed.push(executionId);
    const pages = this.steps.get(executionId) ?? [];
    await this.beforeSteps();
    const page = Number(pageToken);
    const nextPageToken = page + 1 < pages.length ? String(page + 1) : '';
    return create(ListStepsResponseSchema, { steps: pages[page] ?? [], nextPageToken });
  }

  #accept(call: ServerDuplexStream<WorkRequest, WorkResponse>): void {
    const received: WorkRequest['message'][] = [];
    const stream: FakeStream = {
      received,
      send: (message) => void call.write(create(WorkResponseSchema, { message })),
      fail: (code) => void call.emit('error', { code, details: 'told to fail' }),
      end: () => void call.end(),
    };
    this.streams.push(stream);
    call.on('data', ({ message }: WorkRequest) => {
      received.push(message);
      if (message.case === 'hello' && this.welcomes) stream.send({ case: 'welcome', value: {} });
      if (message.case === 'extendLeases' && this.answersHeartbeats) stream.send(allHeld(message.value));
    });
    call.on('end', () => call.end());
    call.on('error', () => {});
  }
}

/** What a worker has sent on a stream, by case, in order. */
export function casesOf({ received }: FakeStream): WorkRequest['message']['case'][] {
  return received.map(({ case: name }) => name);
}

/** The completions among it. */
export function completionsOf({ received }: FakeStream): WorkRequest_Complete[] {
  return received.flatMap((message) => (message.case === 'complete' ? [message.value] : []));
}

/** The heartbeats among it. */
export function heartbeatsOf({ received }: FakeStream): ExtendLeasesRequest[] {
  return received.flatMap((message) => (message.case === 'extendLeases' ? [message.value] : []));
}

/** The leases that the worker said on a stream it has let go of. */
export function releasedOn(stream: FakeStream): Lease[] {
  return heartbeatsOf(stream).flatMap(({ released }) => released);
}

/** Gives a worker an execution, of the workflow `one-step` unless something else is said. */
export function assign(
  stream: FakeStream,
  executionId: string,
  {
    epoch = 1n,
    workflowId = 'one-step',
    ...more
  }: {
    readonly epoch?: bigint;
    readonly workflowId?: string;
    readonly omittedSteps?: bigint;
    readonly steps?: MessageInitShape<typeof StepRecordSchema>[];
  } = {},
): void {
  stream.send({
    case: 'assignment',
    value: {
      lease: { executionId, epoch, token: 't' },
      execution: { id: executionId, workflowId, stateRevision: 1n },
      state: '{}',
      ...more,
    },
  });
}

/** Answers a completion: that is the execution's status now. */
export function answer(
  stream: FakeStream,
  callId: bigint,
  status: ExecutionStatus = ExecutionStatus.COMPLETED,
): void {
  const response = { status, stateRevision: 1n };
  stream.send({ case: 'completed', value: { callId, answer: { case: 'response', value: response } } });
}

/** The answer to a heartbeat while no lease is lost. */
function allHeld({ leases }: ExtendLeasesRequest): Message {
  const reports = leases.map(({ executionId, epoch }) => ({ executionId, epoch, held: true }));
  return { case: 'leasesExtended', value: { reports } };
}

function definition(method: DescMethod, isStream: boolean) {
  const { input, output } = method;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: (message: WorkRequest) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes) as WorkRequest,
    responseSerialize: (message: WorkResponse) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(output, bytes) as WorkResponse,
  };
}
