import { create } from '@bufbuild/protobuf';
import { PayloadSizeError, SerializationError } from './errors.js';
import { type Payload, PayloadSchema } from './gen/polos/v1/payload_pb.js';
import { JsonRefusal, type JsonValue, toJsonText } from './state/json.js';

/** Bytes of one payload or result, until a server says otherwise. */
export const PAYLOAD_BYTES_MAX = 2_097_152;

/** How a value is named in errors, and how large it may be. */
export interface PayloadRule {
  /** For example `the result of step "charge"`. Default "the payload". */
  readonly what?: string;
  /** Bytes of its JSON text in UTF-8. Default 2,097,152. */
  readonly bytesMax?: number;
}

/**
 * Writes a value as a payload. `undefined` is "no value", an unset payload; `null` is the JSON text `null`.
 * @throws SerializationError if JSON cannot hold the value; PayloadSizeError if it is too large.
 */
export function toPayload(value: unknown, rule: PayloadRule = {}): Payload | undefined {
  const { what = 'the payload', bytesMax = PAYLOAD_BYTES_MAX } = rule;
  const text = writeJson(value, what);
  if (text === undefined) return undefined;
  // A UTF-16 unit takes three bytes of UTF-8 at most: only texts that might be too large are measured.
  if (text.length * 3 > bytesMax) {
    const size = Buffer.byteLength(text);
    if (size > bytesMax) throw new PayloadSizeError(what, size, bytesMax);
  }
  return create(PayloadSchema, { body: { case: 'json', value: text } });
}

/**
 * Reads a payload. Each call makes a value of its own.
 * @returns undefined for an unset payload; a Uint8Array for a payload of bytes.
 */
export function fromPayload(payload: Payload | undefined): unknown {
  switch (payload?.body.case) {
    case 'json':
      return JSON.parse(payload.body.value) as JsonValue;
    case 'data':
      return payload.body.value;
    default:
      return undefined;
  }
}

function writeJson(value: unknown, what: string): string | undefined {
  try {
    return toJsonText(value);
  } catch (error) {
    if (!(error instanceof JsonRefusal)) throw error;
    const at = error.path === '' ? '' : ` at "${error.path}"`;
    throw new SerializationError(
      `${what} cannot be written as JSON: the value${at} ${error.reason}`,
      error.path,
    );
  }
}
