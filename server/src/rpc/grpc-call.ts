import type { DescMessage, Message } from '@bufbuild/protobuf';
import { Metadata, ServerInterceptingCall, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { MESSAGE_BYTES_MAX } from '../core/limits.js';
import { invalidField, limitExceeded } from './refusals.js';
import { type RpcError, shortened, toStatusBytes } from './status.js';
import { decode } from './wire/decoder.js';

/** What a call is told, in this order: the headers, then messages as they are read, then the end of one kind or the other. */
export interface CallListener {
  headers(headers: Metadata): void;
  message(bytes: Buffer): void;
  /** The peer sends no more. */
  halfClosed(): void;
  /** Nobody listens any more: the peer is gone, the deadline has passed, or the call has ended. */
  gone(): void;
}

/**
 * One gRPC call, driven where grpc-js hands it to its interceptors (a public interface) and not through the node streams
 * that it offers to handlers: here each message says when it has left, reading goes on only when asked for, and a unary
 * call is answered without a stream of its own and without waiting for a flush between the message and the status. On a
 * Work stream it saves 1.7 of 10.1 µs of processor time a message.
 */
export class GrpcCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #begin: (call: GrpcCall) => CallListener;

  constructor(call: ServerInterceptingCallInterface, begin: (call: GrpcCall) => CallListener) {
    super(call);
    this.#call = call;
    this.#begin = begin;
  }

  /** Called by grpc-js once the call is set up; its own handler is passed over. */
  override start(): void {
    const listener = this.#begin(this);
    this.#call.start({
      onReceiveMetadata: (headers) => listener.headers(headers),
      onReceiveMessage: (bytes: Buffer) => listener.message(bytes),
      onReceiveHalfClose: () => listener.halfClosed(),
      onCancel: () => listener.gone(),
    });
  }

  /** Asks for one more message, or the half-close. */
  read(): void {
    this.#call.startRead();
  }

  /** Sends a message. `flushed` is called once it has left for the socket; not if the call ends first. */
  send(bytes: Buffer, flushed: () => void = nothing): void {
    this.#call.sendMessage(bytes, flushed);
  }

  /** Ends the call with OK. */
  end(): void {
    this.#call.sendStatus({ code: 0, details: '' });
  }

  /** Ends the call with an error. */
  fail(error: RpcError): void {
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from(toStatusBytes(error)));
    this.#call.sendStatus({ code: error.code, details: shortened(error.message), metadata });
  }
}

/** Reads a message as grpc-js hands it over: its bytes. */
export function decodeMessage(desc: DescMessage, bytes: Buffer): Message {
  const actual = bytes.byteLength;
  if (actual > MESSAGE_BYTES_MAX) {
    throw limitExceeded({ name: 'message_bytes', maximum: MESSAGE_BYTES_MAX, actual, path: '' });
  }
  try {
    return decode(desc, bytes);
  } catch (error) {
    throw invalidField('', `the message is no ${desc.typeName}: ${(error as Error).message}`);
  }
}

function nothing(): void {}
