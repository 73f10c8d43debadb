import {
  clone,
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
} from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type Command, CommandSchema } from '../../gen/polos/v1/command_pb.js';
import {
  InvokeRequestSchema,
  PatchStateRequestSchema,
  PublishEventsRequestSchema,
} from '../../gen/polos/v1/workflow_service_pb.js';
import { commandsDigest, invokeDigest, publicationDigest, repairDigest } from './fingerprint.js';

/** Every command that there is. */
const COMMANDS = CommandSchema.fields.flatMap((field): [string, DescMessage][] =>
  field.fieldKind === 'message' ? [[field.localName, field.message]] : [],
);

test.each(COMMANDS)('every field of %s counts', (name, desc) => {
  const digests = variants(desc).map((value) => {
    return commandsDigest([create(CommandSchema, { command: { case: name, value } as never })]);
  });
  expect(new Set(digests).size).toBe(digests.length);
});

test('every field of Invoke counts, but for the idempotency key and the id', () => {
  const requests = variants(InvokeRequestSchema) as never[];
  const [empty, ...others] = requests.map(invokeDigest);
  expect(others.filter((digest) => digest === empty)).toHaveLength(2);
  expect(new Set(others).size).toBe(others.length - 1);
});

test('every field of PublishEvents counts, but for the idempotency key', () => {
  const requests = variants(PublishEventsRequestSchema) as never[];
  const [empty, ...others] = requests.map(publicationDigest);
  expect(others.filter((digest) => digest === empty)).toHaveLength(1);
  expect(new Set(others).size).toBe(others.length);
});

test('of a repair the patch counts alone', () => {
  const request = { executionId: 'e', expectedRevision: 1n, reason: 'r', author: 'a' };
  const digest = (fields: object) => repairDigest(create(PatchStateRequestSchema, { ...request, ...fields }));
  expect(digest({ patch: '[]' })).toBe(
    digest({ patch: '[]', reason: 'x', author: 'y', expectedRevision: 2n }),
  );
  expect(digest({ patch: '[]' })).not.toBe(digest({ patch: '[{}]' }));
});

test('a command counts as often as it is there, and in its place', () => {
  const [one, other] = ['a', 'b'].map((stepKey) => {
    return create(CommandSchema, { command: { case: 'outcomeAccepted', value: { stepKey } } });
  }) as [Command, Command];
  const digests = [[one], [one, one], [one, other], [other, one]].map(commandsDigest);
  expect(new Set(digests).size).toBe(4);
});

test('search attributes count in any order', () => {
  const digest = (searchAttributes: Record<string, string>) => {
    return invokeDigest(create(InvokeRequestSchema, { searchAttributes }));
  };
  expect(digest({ a: '1', b: '2' })).toBe(digest({ b: '2', a: '1' }));
});

// They are stored beside executions: another digest here breaks repetitions across an upgrade of the server.
test('digests stay what they are from version to version', () => {
  const step = create(CommandSchema, {
    command: {
      case: 'stepCompleted',
      value: { stepKey: 's', kind: 1, result: { body: { case: 'json', value: '1' } }, statePatch: '[]' },
    },
  });
  expect(commandsDigest([step])).toBe('0ef996d4458bb6bf04806bfc217fbf3cdfc20be1b4851e8d6e5ef634d1a766cd');
  expect(invokeDigest(create(InvokeRequestSchema, { workflowId: 'w', idempotencyKey: 'k' }))).toBe(
    '9ffb20130dea264113f589503259290f8dc725e6c9915050b4fd17c69a8e6a00',
  );
  const events = [{ type: 'paid', data: { body: { case: 'json' as const, value: '1' } } }];
  expect(publicationDigest(create(PublishEventsRequestSchema, { topic: 't', events }))).toBe(
    'edda15c5eddc18f00222913e879317807bd6497b4d71da0b3fb779aaaae1f6d1',
  );
});

/** The empty message, and one for each field (and each field of messages in it) that differs from it there alone. */
function variants(desc: DescMessage, depth = 0): Message[] {
  const changed = desc.fields.flatMap((field) =>
    values(field, depth).map((value) => withField(desc, field, value)),
  );
  return [create(desc), ...changed];
}

function withField(desc: DescMessage, field: DescField, value: unknown): Message {
  const name = field.oneof?.localName ?? field.localName;
  const held = field.oneof ? { case: field.localName, value } : value;
  return clone(desc, create(desc, { [name]: held } as never));
}

function values(field: DescField, depth: number): unknown[] {
  switch (field.fieldKind) {
    case 'message':
      return messageValues(field.message, depth);
    case 'list':
      return field.message
        ? messageValues(field.message, depth).map((item) => [item])
        : [[scalar(field.scalar)]];
    case 'map':
      return [{ a: 'b' }];
    default:
      return [scalar(field.scalar)];
  }
}

function messageValues(desc: DescMessage, depth: number): Message[] {
  if (depth > 2) return [];
  // A payload without a body is no value, whatever its encoding; the codec refuses the one with JSON text.
  if (desc.typeName === 'polos.v1.Payload') {
    return [
      create(desc, { body: { case: 'json', value: 'text' } } as never),
      create(desc, { body: { case: 'data', value: new Uint8Array([7]) } } as never),
      create(desc, { body: { case: 'data', value: new Uint8Array([7]) }, encoding: 'e' } as never),
    ];
  }
  return variants(desc, depth + 1);
}

function scalar(type: ScalarType | undefined): unknown {
  switch (type) {
    case ScalarType.STRING:
      return 'text';
    case ScalarType.BYTES:
      return new Uint8Array([7]);
    case ScalarType.BOOL:
      return true;
    case ScalarType.INT64:
      return 7n;
    default:
      return 7;
  }
}
