import type { Message } from '@bufbuild/protobuf';
import {
  type Code as ConnectCode,
  ConnectError,
  type ConnectRouter,
  type HandlerContext,
} from '@connectrpc/connect';
import { toRpcError } from './error-table.js';
import { type Call, pathOf, type Route, type ServiceRoutes } from './method.js';
import type { RpcContext } from './rpc-context.js';
import { validate } from './validation.js';

/** Offers a service over Connect and gRPC-Web. */
export function addConnectRoutes(
  router: ConnectRouter,
  services: readonly ServiceRoutes[],
  context: RpcContext,
): void {
  for (const { desc, routes, isOpen } of services) {
    const entries = routes.map((route) => [route.desc.localName, implementation(route, isOpen, context)]);
    router.service(desc, Object.fromEntries(entries));
  }
}

function implementation(route: Route, isOpen: boolean, context: RpcContext) {
  return route.kind === 'unary'
    ? async (request: Message, handler: HandlerContext) => {
        const connection = new ConnectCall(context, handler, isOpen);
        try {
          return await connection.run(route, (call) => {
            validate(route.desc.input, request);
            return route.run(request, call);
          });
        } finally {
          connection.end();
        }
      }
    : async function* (request: Message, handler: HandlerContext) {
        const connection = new ConnectCall(context, handler, isOpen);
        try {
          const responses = await connection.run(route, (call) => {
            validate(route.desc.input, request);
            return route.run(request, call);
          });
          yield* responses;
        } catch (error) {
          throw connection.refusal(route, error);
        } finally {
          connection.end();
        }
      };
}

/** One call over Connect or gRPC-Web. Its request is there when it begins. */
class ConnectCall {
  readonly #context: RpcContext;
  readonly #handler: HandlerContext;
  readonly #isOpen: boolean;
  readonly #abort = new AbortController();

  constructor(context: RpcContext, handler: HandlerContext, isOpen: boolean) {
    this.#context = context;
    this.#handler = handler;
    this.#isOpen = isOpen;
    // Not AbortSignal.any: Node 20 keeps what it makes for as long as the server's own signal lives.
    for (const signal of [handler.signal, context.closing]) signal.addEventListener('abort', this.#stop);
    if (context.closing.aborted) this.#stop();
  }

  /** Ends a call whose request does not come; here it has. */
  expire(): void {}

  async run<T>(route: Route, method: (call: Call) => T): Promise<Awaited<T>> {
    try {
      this.#context.gate.enter(this);
      this.#context.gate.begin(this);
      const projectId = this.#isOpen ? '' : this.#context.admitHttp(this.#handler.requestHeader);
      return await method({ projectId, signal: this.#abort.signal });
    } catch (error) {
      throw this.refusal(route, error);
    }
  }

  end(): void {
    this.#context.gate.leave(this);
    for (const signal of [this.#handler.signal, this.#context.closing]) {
      signal.removeEventListener('abort', this.#stop);
    }
  }

  refusal(route: Route, error: unknown): ConnectError {
    if (error instanceof ConnectError) return error;
    const { code, message, details } = toRpcError(error, {
      method: pathOf(route.desc),
      log: this.#context.log,
    });
    // The codes are the same numbers; the details are packed by Connect as they are by toStatus.
    return new ConnectError(message, code as ConnectCode, undefined, details as OutgoingDetails);
  }

  readonly #stop = (): void => {
    this.#abort.abort();
  };
}

type OutgoingDetails = ConstructorParameters<typeof ConnectError>[3];
