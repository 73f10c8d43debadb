import { Server, ServerCredentials, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { MESSAGE_BYTES_MAX } from '../core/limits.js';
import { type CallListener, GrpcCall } from './grpc-call.js';

/** What begins a call, by the path of its method. */
export type GrpcMethods = ReadonlyMap<string, (call: GrpcCall) => CallListener>;

/** A grpc-js server that listens nowhere: connections are handed to it. */
export type ConnectionInjector = ReturnType<Server['createConnectionInjector']>;

/**
 * Calls of one connection at a time; more wait in the client. A client that waits for more than this many results at once
 * uses more than one connection.
 */
const STREAMS_PER_CONNECTION_MAX = 1_000;

const OPTIONS = {
  'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_MAX,
  // Above ours, so that a message that is too large is refused by us, with its type (grpc-call.ts).
  'grpc.max_receive_message_length': 2 * MESSAGE_BYTES_MAX,
  'grpc.enable_channelz': 0,
  // A peer that vanished without a word is found out within a minute and a half.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // A connection that nobody uses; clients connect again when they need to.
  'grpc.max_connection_idle_ms': 600_000,
};

/** Makes the part of the server that speaks gRPC. Other paths than those given answer UNIMPLEMENTED. */
export function createGrpcInjector(methods: GrpcMethods): ConnectionInjector {
  const interceptor: ServerInterceptor = (method, call) => {
    const begin = methods.get(method.path);
    return begin ? new GrpcCall(call, begin) : new ServerInterceptingCall(call);
  };
  const server = new Server({ ...OPTIONS, interceptors: [interceptor] });
  // Messages stay bytes in grpc-js, so that what cannot be decoded is refused by us; the handler is passed over.
  for (const path of methods.keys()) server.register<Buffer, Buffer>(path, passedOver, asIs, asIs, 'unary');
  return server.createConnectionInjector(ServerCredentials.createInsecure());
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function passedOver(): void {
  throw new Error('grpc-js called a handler that its interceptor stands in for');
}
