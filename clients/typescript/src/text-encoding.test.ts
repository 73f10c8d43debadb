import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { StepRecordSchema } from './gen/polos/v1/step_pb.js';
import { keepTextsAsTheyAre } from './text-encoding.js';

it('keeps a text as it is, whatever it begins with', () => {
  keepTextsAsTheyAre();
  for (const key of ['\ufeffa', '\ufeff', 'a\ufeff', '\0', '\u{10FFFF}e\u0301']) {
    const bytes = toBinary(StepRecordSchema, create(StepRecordSchema, { key }));
    expect(fromBinary(StepRecordSchema, bytes).key).toBe(key);
  }
  const broken = Uint8Array.of(0x0a, 2, 0xed, 0xa0);
  expect(() => fromBinary(StepRecordSchema, broken)).toThrow();
});
