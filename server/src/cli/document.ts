import {
  type DescEnum,
  type DescField,
  type DescMessage,
  isMessage,
  type MessageShape,
} from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import {
  DurationSchema,
  FeatureSet_FieldPresence,
  TimestampSchema,
  timestampDate,
} from '@bufbuild/protobuf/wkt';
import { ExecutionSchema } from '../gen/polos/v1/execution_pb.js';
import { type Payload, PayloadSchema } from '../gen/polos/v1/payload_pb.js';
import { SchemaSchema } from '../gen/polos/v1/schema_pb.js';
import { StateSchema } from '../gen/polos/v1/state_pb.js';
import { StepRecordSchema } from '../gen/polos/v1/step_pb.js';

/** A JSON document that `--output json` prints. */
export type Document = Readonly<Record<string, unknown>>;

/**
 * A message of the protocol as a JSON document for scripts. Names are those of the protocol in camel case. Unlike in the
 * protocol's own JSON form, payloads and other JSON texts are the values themselves, 64-bit integers are numbers, enum values are
 * lower-case words (`timed_out`), times are RFC 3339 in UTC and durations seconds (`1.5s`). What is unset, or an empty text, is
 * left out.
 */
export function toDocument<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Document {
  return messageDocument(reflect(desc, message));
}

/** A payload's value; undefined for "no value". Bytes, which only the two ends understand, are shown in base64. */
export function payloadValue(payload: Payload | undefined): unknown {
  if (payload?.body.case === 'json') return JSON.parse(payload.body.value);
  if (payload?.body.case !== 'data') return undefined;
  return { encoding: payload.encoding, base64: Buffer.from(payload.body.value).toString('base64') };
}

/** The name of an enum's value as documents have it; empty for the unspecified one. */
export function enumName(desc: DescEnum, value: number): string {
  if (value === 0) return '';
  return desc.value[value]?.localName.toLowerCase() ?? String(value);
}

/** Fields whose text is JSON, and the names under which documents hold its value. */
const JSON_TEXTS = new Map<DescField, string>([
  [ExecutionSchema.field.initialState, 'initialState'],
  [StateSchema.field.json, 'state'],
  [StepRecordSchema.field.statePatch, 'statePatch'],
  [SchemaSchema.field.jsonSchema, 'jsonSchema'],
]);

function messageDocument(message: ReflectMessage): Document {
  const entries = message.fields.flatMap((field): [string, unknown][] => {
    const value = fieldValue(message, field);
    return value === undefined ? [] : [[JSON_TEXTS.get(field) ?? field.jsonName, value]];
  });
  return Object.fromEntries(entries);
}

function fieldValue(message: ReflectMessage, field: DescField): unknown {
  switch (field.fieldKind) {
    case 'list':
      return Array.from(message.get(field), (item) =>
        singleValue(item, field.listKind === 'enum' ? field.enum : undefined),
      );
    case 'map':
      return Object.fromEntries(
        Array.from(message.get(field), ([key, item]) => [String(key), singleValue(item)]),
      );
    case 'message':
      return message.isSet(field) ? singleValue(message.get(field)) : undefined;
    case 'enum':
      return enumName(field.enum, message.get(field)) || undefined;
    case 'scalar': {
      if (!message.isSet(field) && field.presence !== FeatureSet_FieldPresence.IMPLICIT) return undefined;
      const value = message.get(field);
      if (value === '') return undefined;
      return typeof value === 'string' && JSON_TEXTS.has(field) ? JSON.parse(value) : singleValue(value);
    }
  }
}

function singleValue(value: unknown, enumDesc?: DescEnum): unknown {
  if (isReflectMessage(value)) return wellKnownValue(value);
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return enumDesc && typeof value === 'number' ? enumName(enumDesc, value) : value;
}

function wellKnownValue(value: ReflectMessage): unknown {
  const { message } = value;
  if (isMessage(message, TimestampSchema)) return timestampDate(message).toISOString();
  if (isMessage(message, DurationSchema)) return `${Number(message.seconds) + message.nanos / 1e9}s`;
  if (isMessage(message, PayloadSchema)) return payloadValue(message);
  return messageDocument(value);
}
