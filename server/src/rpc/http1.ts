import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createRegistry } from '@bufbuild/protobuf';
import { cors } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { MESSAGE_BYTES_MAX } from '../core/limits.js';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';
import { file_polos_v1_error_details } from '../gen/polos/v1/error_details_pb.js';
import { WorkerService } from '../gen/polos/v1/worker_service_pb.js';
import { addConnectRoutes } from './connect-routes.js';
import { pathOf, type ServiceRoutes } from './method.js';
import type { RpcContext } from './rpc-context.js';
import { keepTextsAsTheyAre } from './wire/text.js';

/** Answers HTTP/1.1: Connect and gRPC-Web for programs and browsers, two plain pages, and the preflights of browsers. */
export function createHttp1Listener(
  services: readonly ServiceRoutes[],
  context: RpcContext,
): RequestListener {
  keepTextsAsTheyAre();
  const adapter = connectNodeAdapter({
    routes: (router) => addConnectRoutes(router, services, context),
    fallback: (request, response) => plain(request as IncomingMessage, response as ServerResponse),
    readMaxBytes: MESSAGE_BYTES_MAX,
    // Statuses within an answer, as BatchInvoke has them, hold details as Any: JSON needs to know their types.
    jsonOptions: { registry: DETAILS },
  });
  return (request, response) => {
    allowBrowser(request, response, context.hasKeys);
    if (context.closing.aborted) response.setHeader('connection', 'close');
    const { socket } = request;
    response.once('finish', () => {
      if (!request.complete) closeSoon(socket);
    });
    if (request.method === 'OPTIONS') response.writeHead(204).end();
    else if (request.url === WORK_PATH) refuseWork(response);
    else adapter(request, response);
  };
}

const DETAILS = createRegistry(file_google_rpc_error_details, file_polos_v1_error_details);

/** How long a caller may take to read why its request was refused half read. */
const LINGER_MS = 500;

/**
 * Closes a connection that still carries the rest of a refused request. Connect leaves it unread, so that it can neither
 * be used again nor be found idle; and closed at once it would be reset, the answer with it.
 */
function closeSoon(socket: Socket): void {
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

const WORK_PATH = pathOf(WorkerService.method.work);

const ALLOWED_HEADERS = [...cors.allowedHeaders, 'authorization', 'x-project-id'].join(', ');

/** For two hours a browser need not ask again (the longest that one of them keeps it). */
const PREFLIGHT_SECONDS = '7200';

/**
 * Lets scripts of other origins call. With API keys, of every origin: browsers never send a key by themselves. Without,
 * only those of this machine's own pages: a page from anywhere could otherwise drive a server on its reader's machine.
 */
function allowBrowser(request: IncomingMessage, response: ServerResponse, hasKeys: boolean): void {
  const { origin } = request.headers;
  if (!origin || !(hasKeys || LOCAL_ORIGIN.test(origin))) return;
  response.setHeader('access-control-allow-origin', hasKeys ? '*' : origin);
  response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
  if (!hasKeys) response.setHeader('vary', 'origin');
  if (request.method !== 'OPTIONS') return;
  response.setHeader('access-control-allow-methods', cors.allowedMethods.join(', '));
  response.setHeader('access-control-allow-headers', ALLOWED_HEADERS);
  response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
}

const LOCAL_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** In the form in which Connect reports errors. */
function refuseWork(response: ServerResponse): void {
  const message = 'Work needs streams in both directions: call it with gRPC, or use Poll and CompleteStep';
  response.writeHead(501, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ code: 'unimplemented', message }));
}

const PAGES = new Map([
  ['/', 'polos: gRPC, gRPC-Web and Connect on this port\n'],
  ['/healthz', 'ok\n'],
]);

function plain({ url = '', method }: IncomingMessage, response: ServerResponse): void {
  const page = PAGES.get(url.split('?', 1)[0] ?? '');
  const isRead = method === 'GET' || method === 'HEAD';
  response.writeHead(page && isRead ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(page && isRead ? page : 'not found\n');
}
