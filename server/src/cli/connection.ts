import { type Client, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { WorkflowService } from '../gen/polos/v1/workflow_service_pb.js';
import { UsageError } from './usage-error.js';

/** The server that the client commands talk to. Without an open call the connection does not keep the process alive. */
export interface Connection {
  readonly client: Client<typeof WorkflowService>;
  /** Where the server is supposed to be. */
  readonly url: string;
}

/** Where a server is unless POLOS_API_URL says otherwise. */
export const DEFAULT_API_URL = 'http://localhost:8080';

/** How long one answer may take, in milliseconds. Long polls and streams have their own. */
const CALL_TIMEOUT_MS = 30_000;

/** How often an open call makes sure that the server is still there, in milliseconds. */
const PING_INTERVAL_MS = 20_000;

/**
 * Prepares a connection by POLOS_API_URL, POLOS_API_KEY and POLOS_PROJECT_ID; it opens with the first call.
 * @throws UsageError for a POLOS_API_URL that is none.
 */
export function connect(env: NodeJS.ProcessEnv): Connection {
  const url = apiUrl(env.POLOS_API_URL || DEFAULT_API_URL);
  const transport = createGrpcTransport({
    baseUrl: url,
    pingIntervalMs: PING_INTERVAL_MS,
    interceptors: [authenticate(env)],
    defaultTimeoutMs: CALL_TIMEOUT_MS,
  });
  return { client: createClient(WorkflowService, transport), url };
}

function apiUrl(text: string): string {
  const isUrl = URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
  if (isUrl) return text.replace(/\/+$/, '');
  throw new UsageError(`POLOS_API_URL is "${text}"; it should be a URL like ${DEFAULT_API_URL}`);
}

function authenticate({ POLOS_API_KEY, POLOS_PROJECT_ID }: NodeJS.ProcessEnv): Interceptor {
  return (next) => (request) => {
    if (POLOS_API_KEY) request.header.set('authorization', `Bearer ${POLOS_API_KEY}`);
    if (POLOS_PROJECT_ID) request.header.set('x-project-id', POLOS_PROJECT_ID);
    return next(request);
  };
}
