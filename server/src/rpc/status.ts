import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { type Status, StatusSchema } from '../gen/google/rpc/status_pb.js';

/** The codes of google.rpc.Code that the server answers with. UNKNOWN is not among them on purpose. */
export const Code = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** One of the codes. */
export type Code = (typeof Code)[keyof typeof Code];

/** A typed detail: the message's descriptor and its fields. */
export interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

/** Makes a detail whose fields are checked against its descriptor. */
export function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value };
}

/** Why a call is refused, in the form in which the caller gets it. The message is for people; details are for programs. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: Code;
  readonly details: readonly Detail[];

  constructor(code: Code, message: string, details: readonly Detail[] = []) {
    super(shortened(message));
    this.code = code;
    this.details = details;
  }
}

/** The error as google.rpc.Status. */
export function toStatus(error: RpcError): Status {
  return create(StatusSchema, {
    code: error.code,
    message: error.message,
    details: error.details.map(packed),
  });
}

/** The value of the header `grpc-status-details-bin`. */
export function toStatusBytes(error: RpcError): Uint8Array {
  return toBinary(StatusSchema, toStatus(error));
}

/**
 * Makes an error of as many entries as fit its header: all of them, or half as many until they do. At least one.
 * @param entries  the entries of one detail, most important first.
 */
export function fitted<T>(entries: readonly T[], build: (entries: readonly T[]) => RpcError): RpcError {
  let count = entries.length;
  let error = build(entries);
  while (count > 1 && toStatusBytes(error).length > STATUS_BYTES_MAX) {
    count = Math.floor(count / 2);
    error = build(entries.slice(0, count));
  }
  return error;
}

/** Bytes of a status; in base64 and beside the message it then fits the 8 KiB of headers that grpc-core takes. */
const STATUS_BYTES_MAX = 4_500;

/** Characters of an error's message: it is in the headers twice, once percent-encoded. */
const MESSAGE_LENGTH_MAX = 400;

/** Cuts a text to what fits an error's message or one text of its details. */
export function shortened(text: string, lengthMax = MESSAGE_LENGTH_MAX): string {
  const short = text.length > lengthMax ? `${text.slice(0, lengthMax - 3)}...` : text;
  // A cut pair of surrogates, or one that a caller sent, would make the header unsendable.
  return short.isWellFormed() ? short : short.toWellFormed();
}

function packed({ desc, value }: Detail): Any {
  return anyPack(desc, create(desc, value));
}
