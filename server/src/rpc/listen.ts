import { setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { DescService } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import { Health } from '../gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../gen/grpc/reflection/v1/reflection_pb.js';
import { WorkerService } from '../gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../gen/polos/v1/workflow_service_pb.js';
import { createAdmission } from './admission.js';
import { CallGate } from './call-gate.js';
import type { CallListener, GrpcCall } from './grpc-call.js';
import { grpcListener } from './grpc-routes.js';
import { type ConnectionInjector, createGrpcInjector } from './grpc-server.js';
import { WorkStreams } from './grpc-work.js';
import { healthService } from './health.js';
import { createHttp1Listener } from './http1.js';
import type { RpcLog } from './log.js';
import { pathOf, type ServiceRoutes } from './method.js';
import { REFLECTION_PATHS, reflection } from './reflection.js';
import { unavailable } from './refusals.js';
import { RpcContext } from './rpc-context.js';
import { routeConnection } from './sniff.js';
import { warmUp } from './validation.js';
import { workerService } from './worker-service.js';
import { workflowService } from './workflow-service.js';

/** What a listener serves, and where. */
export interface ListenOptions {
  readonly engine: EngineApi;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Keys that may call; none lets everybody in. */
  readonly apiKeys?: readonly string[];
  readonly log: RpcLog;
}

/** A port that answers. */
export interface Listener {
  /** `http://HOST:PORT`. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new connection, tells the workers, lets calls end for `graceMs`, then cuts what is left. Always resolves; may
   * be repeated.
   */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/**
 * Opens one port that speaks gRPC, and over HTTP/1.1 gRPC-Web, Connect and two plain pages. Resolves once it accepts
 * connections; rejects with the system's error when the address cannot be had.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  warmUp(SERVICES);
  const closing = new AbortController();
  // Every call that waits listens to it.
  setMaxListeners(0, closing.signal);
  const gate = new CallGate();
  const admission = createAdmission(options.apiKeys ?? []);
  const context = new RpcContext({ gate, admission, log: options.log, closing: closing.signal });
  const services = [
    workflowService(options.engine, options.log),
    workerService(options.engine),
    healthService(SERVICES, closing.signal),
  ];
  const work = new WorkStreams(options.engine, context);
  const injector = createGrpcInjector(grpcMethods(services, work, context));
  const { server, sockets } = createPort(createHttp1Listener(services, context), injector);
  await bound(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  let closed: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    port,
    close: ({ graceMs }) => {
      closed ??= close({ server, sockets, injector, work, gate, closing }, graceMs);
      return closed;
    },
  };
}

/** What the server offers for use; health and reflection come on top. */
const SERVICES: readonly DescService[] = [WorkflowService, WorkerService];

/** Slow senders of an HTTP/1.1 request are cut off, as CallGate does it for gRPC. */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  // Longer than the 60 s after which proxies let go of an idle connection, so that they do it first.
  keepAliveTimeout: 65_000,
};

const CONNECTIONS_MAX = 10_000;

/** How often idle connections are looked for while the server stops. */
const IDLE_CHECK_MS = 50;

interface Parts {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
  readonly injector: ConnectionInjector;
  readonly work: WorkStreams;
  readonly gate: CallGate;
  readonly closing: AbortController;
}

function grpcMethods(
  services: readonly ServiceRoutes[],
  work: WorkStreams,
  context: RpcContext,
): Map<string, (call: GrpcCall) => CallListener> {
  const methods = new Map<string, (call: GrpcCall) => CallListener>();
  for (const { routes, isOpen } of services) {
    for (const route of routes) methods.set(pathOf(route.desc), grpcListener(route, isOpen, context));
  }
  methods.set(pathOf(WorkerService.method.work), work.listener);
  const reflect = reflection([...SERVICES, Health, ServerReflection]);
  for (const path of REFLECTION_PATHS) methods.set(path, reflect);
  return methods;
}

/** The HTTP/1.1 server is the one that listens; connections that turn out to be HTTP/2 are handed on. */
function createPort(listener: Parameters<typeof createServer>[1], injector: ConnectionInjector) {
  const server = createServer({ ...TIMEOUTS, noDelay: true }, listener);
  const serveHttp1 = server.listeners('connection');
  server.removeAllListeners('connection');
  const sockets = new Set<Socket>();
  server.maxConnections = CONNECTIONS_MAX;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    routeConnection(socket, {
      http1: () => {
        for (const serve of serveHttp1) serve.call(server, socket);
      },
      http2: () => {
        // An HTTP/1.1 server leaves a half-closed socket open; nobody would close it here.
        socket.allowHalfOpen = false;
        injector.injectConnection(socket);
      },
    });
  });
  return { server, sockets };
}

function bound(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(parts: Parts, graceMs: number): Promise<void> {
  const { server, sockets, injector, work, gate, closing } = parts;
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Ends long polls and followers; workers hear of it before their connections are asked to go.
  closing.abort();
  work.drain();
  // It cuts its connections, too, if they outlast what is cut below.
  injector.drain(graceMs + IDLE_CHECK_MS);
  const idleCheck = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const cut = setTimeout(() => {
    work.cut(unavailable('the server stops; connect again'));
    // One more turn for the last words, then nothing is waited for.
    setImmediate(() => {
      for (const socket of sockets) socket.destroy();
    });
  }, graceMs);
  await closed;
  clearInterval(idleCheck);
  clearTimeout(cut);
  work.cut(unavailable('the server has stopped'));
  gate.close();
  injector.destroy();
}
