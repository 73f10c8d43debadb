import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageShape,
} from '@bufbuild/protobuf';
import { declaredForLater } from './refusals.js';

/** What a method knows of its call besides the request. */
export interface Call {
  readonly projectId: string;
  /** Aborts when the caller is gone, its deadline has passed, or the server stops. */
  readonly signal: AbortSignal;
}

/** The methods of a service, each written once for every protocol that the port speaks. Streams of requests apart. */
export type Methods<Service extends DescService> = {
  readonly [Name in keyof Service['method'] as Method<Service['method'][Name]> extends never
    ? never
    : Name]: Method<Service['method'][Name]>;
};

/** One method, without its types, for the adapters. */
export type Route = UnaryRoute | StreamRoute;

/** A method that answers once. */
export interface UnaryRoute {
  readonly kind: 'unary';
  readonly desc: DescMethod;
  readonly run: (request: Message, call: Call) => Message | Promise<Message>;
}

/** A method that answers with a stream. */
export interface StreamRoute {
  readonly kind: 'server_streaming';
  readonly desc: DescMethod;
  readonly run: (request: Message, call: Call) => AsyncIterable<Message>;
}

/** A service as the adapters take it. */
export interface ServiceRoutes {
  readonly desc: DescService;
  readonly routes: readonly Route[];
  /** Whether it is there for everybody: no API key, no project. */
  readonly isOpen: boolean;
}

/** Makes a method that answers UNIMPLEMENTED, with the reason. */
export function later(name: string): () => never {
  return () => {
    throw declaredForLater(name);
  };
}

/** Joins a service's descriptor and its methods. */
export function serviceRoutes<Service extends DescService>(
  desc: Service,
  methods: Methods<Service>,
  { isOpen = false } = {},
): ServiceRoutes {
  const routes = desc.methods.flatMap((method): Route[] => {
    const run = (methods as Readonly<Record<string, unknown>>)[method.localName];
    if (method.methodKind !== 'unary' && method.methodKind !== 'server_streaming') return [];
    // The types above hold each method to its descriptor; here they are left behind.
    return [{ kind: method.methodKind, desc: method, run } as Route];
  });
  return { desc, routes, isOpen };
}

/** The path of a method in every protocol. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

type Method<Desc> =
  Desc extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageShape<Input>, call: Call) => MessageShape<Output> | Promise<MessageShape<Output>>
    : Desc extends DescMethodServerStreaming<infer Input, infer Output>
      ? (request: MessageShape<Input>, call: Call) => AsyncIterable<MessageShape<Output>>
      : never;
