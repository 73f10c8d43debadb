import { describe, expect, it } from 'vitest';
import { InvalidStepError, PayloadSizeError, SerializationError } from './errors.js';
import { publishEventCommand, waitForEventCommand } from './event-command.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import { fromPayload } from './payload.js';
import type { PublishEventOptions, WaitForEventOptions } from './step.js';
import { durationMs } from './time.js';

function waitOf({ command }: Command) {
  if (command.case !== 'eventAwaited') throw new Error(`it is a ${command.case}`);
  const { stepKey, topic, cursor, timeout } = command.value;
  return { stepKey, topic, cursor, timeoutMs: timeout && durationMs(timeout) };
}

function publicationOf({ command }: Command) {
  if (command.case !== 'eventPublished') throw new Error(`it is a ${command.case}`);
  const { stepKey, topic, type, data } = command.value;
  return { stepKey, topic, type, data: fromPayload(data) };
}

const NO_TOPICS: unknown[] = [
  '',
  7,
  undefined,
  null,
  'a\nb',
  '\x7f',
  '\0',
  'x'.repeat(513),
  'ñ'.repeat(257),
  '\ud800',
];

describe('waitForEvent', () => {
  it.each<[WaitForEventOptions, object]>([
    [{ topic: 'orders' }, { topic: 'orders', cursor: '', timeoutMs: undefined }],
    [
      { topic: 'a/b "c" ñ', timeout: 1.5 },
      { topic: 'a/b "c" ñ', cursor: '', timeoutMs: 1_500 },
    ],
    [
      { topic: 't', after: 0 },
      { topic: 't', cursor: '0' },
    ],
    [
      { topic: 't', after: 999_999_999_999_999 },
      { topic: 't', cursor: '999999999999999' },
    ],
    [
      { topic: 't', after: undefined, timeout: undefined },
      { topic: 't', cursor: '', timeoutMs: undefined },
    ],
    [{ topic: 'x'.repeat(512) }, { topic: 'x'.repeat(512) }],
  ])('%j is asked of the server as it is', (options, expected) => {
    expect(waitOf(waitForEventCommand('w', options))).toMatchObject({ stepKey: 'w', ...expected });
  });

  it.each<[unknown, string]>([
    [{ topic: 't', timeout: 0 }, 'the timeout of step "w" must be positive, not 0 s'],
    [{ topic: 't', timeout: '5' }, '"timeout" of step "w" must be a number, not \'5\''],
    [{ topic: 't', timeout: 316_224_001 }, 'must be at most 316224000 s (3,660 days)'],
    [
      { topic: 't', after: -1 },
      '"after" of step "w" must be the sequence of an event, or 0 for all that are kept, not -1',
    ],
    [{ topic: 't', after: 1.5 }, 'not 1.5'],
    [{ topic: 't', after: '1' }, "not '1'"],
    [{ topic: 't', after: 1e15 }, 'not 1000000000000000'],
    [{ topic: 't', afterEvent: 1 }, 'takes an object with "topic", "timeout", "after", not "afterEvent"'],
    ['t', 'takes an object with "topic", "timeout", "after", not \'t\''],
    [undefined, 'not undefined'],
  ])('%j is refused with the value', (options, text) => {
    const call = () => waitForEventCommand('w', options as WaitForEventOptions);
    expect(call).toThrow(InvalidStepError);
    expect(call).toThrow(text);
  });

  it.each(NO_TOPICS)('%j is no topic', (topic) => {
    const call = () => waitForEventCommand('w', { topic: topic as string });
    expect(call).toThrow(InvalidStepError);
    expect(call).toThrow('the topic of step "w" must be a text of 1 to 512 bytes without control characters');
  });
});

describe('publishEvent', () => {
  it.each<[PublishEventOptions, object]>([
    [{ topic: 't' }, { topic: 't', type: 'event', data: undefined }],
    [
      { topic: 't', type: 'paid', data: { amount: 5 } },
      { topic: 't', type: 'paid', data: { amount: 5 } },
    ],
    [
      { topic: 't', data: null },
      { topic: 't', type: 'event', data: null },
    ],
  ])('%j is asked of the server as it is', (options, expected) => {
    expect(publicationOf(publishEventCommand('p', options))).toEqual({ stepKey: 'p', ...expected });
  });

  it.each(NO_TOPICS)('%j is no topic', (topic) => {
    expect(() => publishEventCommand('p', { topic: topic as string })).toThrow(InvalidStepError);
  });

  it.each<[unknown, new (...args: never[]) => Error]>([
    [{ topic: 't', type: '' }, InvalidStepError],
    [{ topic: 't', type: 'x'.repeat(201) }, InvalidStepError],
    [{ topic: 't', eventType: 'paid' }, InvalidStepError],
    [{ topic: 't', data: () => 1 }, SerializationError],
    [{ topic: 't', data: 'x'.repeat(2_097_152) }, PayloadSizeError],
    [undefined, InvalidStepError],
  ])('%j is refused', (options, error) => {
    expect(() => publishEventCommand('p', options as PublishEventOptions)).toThrow(error);
  });
});
