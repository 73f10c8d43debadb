import { create } from '@bufbuild/protobuf';
import { parseJson, utf8Bytes } from '../../core/json.js';
import { PAYLOAD_BYTES_MAX } from '../../core/limits.js';
import type { Payload } from '../../core/payload.js';
import { PayloadSchema, type Payload as WirePayload } from '../../gen/polos/v1/payload_pb.js';
import { atPointer, invalidField, limitExceeded } from '../refusals.js';

/**
 * Reads a payload; undefined stands for "no value". JSON text is checked and passed on as it is.
 * @param field  where the request holds it, for the error.
 */
export function fromPayload(payload: WirePayload | undefined, field: string): Payload | undefined {
  if (!payload) return undefined;
  const { body, encoding } = payload;
  if (body.case === 'data') {
    checkSize(body.value.byteLength, field);
    return { data: body.value, encoding };
  }
  if (encoding !== '') {
    throw invalidField(`${field}.encoding`, 'an encoding belongs to `data` and cannot be kept for JSON text');
  }
  if (body.case === undefined) return undefined;
  checkJson(body.value, `${field}.json`);
  return { json: body.value };
}

/** A payload as it goes over the wire; undefined for "no value". */
export function toPayload(payload: Payload | undefined): WirePayload | undefined {
  if (!payload) return undefined;
  if ('json' in payload) return create(PayloadSchema, { body: { case: 'json', value: payload.json } });
  const { data, encoding } = payload;
  return create(PayloadSchema, { body: { case: 'data', value: data as Uint8Array<ArrayBuffer> }, encoding });
}

function checkJson(text: string, field: string): void {
  // A UTF-16 unit is three bytes at most: short texts need no counting.
  if (text.length * 3 > PAYLOAD_BYTES_MAX) checkSize(utf8Bytes(text), field);
  const parsed = parseJson(text);
  if ('problem' in parsed) throw invalidField(field, atPointer(parsed.problem));
}

function checkSize(bytes: number, path: string): void {
  if (bytes <= PAYLOAD_BYTES_MAX) return;
  throw limitExceeded({ name: 'payload_bytes', maximum: PAYLOAD_BYTES_MAX, actual: bytes, path });
}
