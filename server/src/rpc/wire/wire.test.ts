import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { StatusSchema } from '../../gen/google/rpc/status_pb.js';
import { Health } from '../../gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.js';
import { OutcomeAcceptedSchema } from '../../gen/polos/v1/command_pb.js';
import { FailureSchema } from '../../gen/polos/v1/failure_pb.js';
import { WorkerService } from '../../gen/polos/v1/worker_service_pb.js';
import { InvokeRequestSchema, WorkflowService } from '../../gen/polos/v1/workflow_service_pb.js';
import { decode } from './decoder.js';
import { encode } from './encoder.js';
import { keepTextsAsTheyAre } from './text.js';

// Both read texts alike then; the rest is compared.
keepTextsAsTheyAre();

const services = [WorkflowService, WorkerService, Health, ServerReflection];
const messages = [
  ...new Set(services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output]))),
];

describe.each([...messages, StatusSchema])('$typeName', (desc) => {
  test('is read and written as protobuf-es does it', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const message = randomMessage(desc, randomFrom(seed), 0);
      const bytes = toBinary(desc, message);
      expect(decode(desc, Buffer.from(bytes)), `seed ${seed}`).toEqual(fromBinary(desc, bytes));
      expect(encode(desc, message), `seed ${seed}`).toEqual(Buffer.from(bytes));
    }
  });

  test('is read or refused, never misread, when bytes are missing or changed', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const bytes = Buffer.from(toBinary(desc, randomMessage(desc, random, 0)));
      if (bytes.length === 0) continue;
      if (random() < 0.5) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const damaged = random() < 0.5 ? bytes : bytes.subarray(0, Math.floor(random() * bytes.length));
      const reference = attempt(() => withoutUnknown(fromBinary(desc, new Uint8Array(damaged))));
      const ours = attempt(() => decode(desc, damaged));
      // protobuf-es also accepts a part that runs over the end of the part around it, and groups.
      if (ours !== undefined) expect(ours, `seed ${seed}`).toEqual(reference);
    }
  });
});

test('a field that is not known is passed over', () => {
  const newer = Buffer.concat([
    encode(InvokeRequestSchema, create(InvokeRequestSchema, { workflowId: 'w' })),
    UNKNOWN,
  ]);
  expect(decode(InvokeRequestSchema, newer)).toEqual(create(InvokeRequestSchema, { workflowId: 'w' }));
});

test('parts of one message that come apart are joined', () => {
  const one = encode(InvokeRequestSchema, create(InvokeRequestSchema, { retryPolicy: { maxRetries: 1 } }));
  const other = encode(
    InvokeRequestSchema,
    create(InvokeRequestSchema, { retryPolicy: { maxDelay: { seconds: 2n } } }),
  );
  const joined = decode(InvokeRequestSchema, Buffer.concat([one, other]));
  expect(joined).toEqual(fromBinary(InvokeRequestSchema, Buffer.concat([one, other])));
});

test('a byte order mark at the beginning of a text stays', () => {
  const bytes = Buffer.from([0x0a, 4, 0xef, 0xbb, 0xbf, 0x61]);
  expect(decode(OutcomeAcceptedSchema, bytes)).toMatchObject({ stepKey: '\ufeffa' });
});

test.each([
  ['a text that is not UTF-8', [0x0a, 1, 0xff]],
  ['a length beyond the end', [0x0a, 5, 0x61]],
  ['a number without an end', [0x08, 0xff]],
  ['a tag alone', [0x0a]],
  ['the field number 0', [0x02, 0]],
  ['a group', [0x7b, 0x7c]],
])('%s is refused', (_, bytes) => {
  expect(() => decode(OutcomeAcceptedSchema, Buffer.from(bytes))).toThrow();
});

test('messages that contain each other too deeply are refused', () => {
  let failure = create(FailureSchema, { type: 'Error' });
  for (let level = 0; level < 200; level++)
    failure = create(FailureSchema, { type: 'Error', cause: failure });
  const bytes = encode(FailureSchema, failure);
  expect(() => decode(FailureSchema, bytes)).toThrow('nested deeper than 100 levels');
});

test('a message larger than the room at first is written whole', () => {
  const message = create(InvokeRequestSchema, { workflowId: 'w', initialState: 'ä'.repeat(3_000_000) });
  expect(encode(InvokeRequestSchema, message).equals(toBinary(InvokeRequestSchema, message))).toBe(true);
  expect(encode(InvokeRequestSchema, create(InvokeRequestSchema, { workflowId: 'w' }))).toHaveLength(3);
});

/** Field 1,000 as a number, fields 1,001 to 1,003 as 4, 8 and 2 bytes. */
const UNKNOWN = Buffer.from('c03e05cd3e00000000c93e0000000000000000d23e026162', 'hex');

const TEXTS = ['', 'a', 'step-1', 'ä€😀', '\ufeffx', '__proto__', 'x'.repeat(200)];
const INTEGERS = [
  0n,
  1n,
  127n,
  128n,
  300n,
  -1n,
  2n ** 49n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const SMALL_INTEGERS = [0, 1, 127, 128, 100_000, -1, 2 ** 31 - 1, -(2 ** 31)];

function randomMessage(desc: DescMessage, random: () => number, depth: number): Message {
  const fields: Record<string, unknown> = {};
  for (const field of desc.fields) {
    if (random() < 0.4 || (field.fieldKind === 'message' && depth > 3)) continue;
    const value = randomField(field, random, depth);
    if (field.oneof) fields[field.oneof.localName] = { case: field.localName, value };
    else fields[field.localName] = value;
  }
  return create(desc, fields as never);
}

function randomField(field: DescField, random: () => number, depth: number): unknown {
  const count = Math.floor(random() * 4);
  switch (field.fieldKind) {
    case 'message':
      return randomMessage(field.message, random, depth + 1);
    case 'list': {
      const item = () =>
        field.message ? randomMessage(field.message, random, depth + 1) : scalar(field.scalar, random);
      return depth > 3 ? [] : Array.from({ length: count }, item);
    }
    case 'map': {
      const value = () =>
        field.message ? randomMessage(field.message, random, depth + 1) : scalar(field.scalar, random);
      return Object.fromEntries(
        Array.from({ length: count }, () => [pick(TEXTS.filter(isPlainKey), random), value()]),
      );
    }
    default:
      return scalar(field.scalar, random);
  }
}

// protobuf-es itself loses this key of a map.
function isPlainKey(text: string): boolean {
  return text !== '__proto__';
}

function scalar(type: ScalarType | undefined, random: () => number): unknown {
  switch (type) {
    case ScalarType.STRING:
      return pick(TEXTS, random);
    case ScalarType.BYTES:
      return Uint8Array.from({ length: Math.floor(random() * 9) }, () => Math.floor(random() * 256));
    case ScalarType.BOOL:
      return random() < 0.5;
    case ScalarType.INT64:
      return pick(INTEGERS, random);
    default:
      return pick(SMALL_INTEGERS, random);
  }
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function withoutUnknown(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutUnknown);
  const entries = Object.entries(value).filter(([key]) => key !== '$unknown');
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutUnknown(item)]));
}
