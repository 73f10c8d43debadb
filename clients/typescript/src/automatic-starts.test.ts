import { expect, test } from 'vitest';
import { type AutomaticStarts, toDeclarations } from './automatic-starts.js';
import { defineWorkflow } from './workflow.js';

function define(starts: AutomaticStarts) {
  return defineWorkflow({ id: 'w', ...starts }, () => {}, { autoRegister: false });
}

test.each<[AutomaticStarts, object]>([
  [{}, {}],
  [{ schedule: true }, {}],
  [{ schedule: false }, {}],
  [{ schedule: '0 3 * * *' }, { schedule: { cron: '0 3 * * *', timezone: '' } }],
  [
    { schedule: { cron: ' 0  3 * * * ', timezone: 'Europe/Berlin' } },
    { schedule: { cron: ' 0  3 * * * ', timezone: 'Europe/Berlin' } },
  ],
  [{ triggerOnEvent: 'orders' }, { trigger: { topic: 'orders', batchSize: 1 } }],
  [
    { triggerOnEvent: 'orders', batchSize: 1_000, batchTimeoutSeconds: 0.25 },
    { trigger: { topic: 'orders', batchSize: 1_000, batchTimeout: { seconds: 0n, nanos: 250_000_000 } } },
  ],
  [
    { triggerOnEvent: 'orders', batchTimeoutSeconds: 0 },
    { trigger: { topic: 'orders', batchTimeout: { seconds: 0n, nanos: 0 } } },
  ],
])('%j is declared as that', (starts, declared) => {
  const declarations = toDeclarations(define(starts).config);
  expect(declarations).toMatchObject(declared);
  expect(Object.keys(declarations)).toEqual(Object.keys(declared));
});

test.each<[AutomaticStarts, string]>([
  [{ schedule: {} as never }, 'the schedule of "w" needs a cron expression, not undefined'],
  [{ triggerOnEvent: '' }, 'should be 1 to 512 bytes'],
  [{ triggerOnEvent: 'é'.repeat(257) }, 'should be 1 to 512 bytes'],
  [{ triggerOnEvent: 'a\nb' }, 'without control characters'],
  [{ batchSize: 2 }, 'mean nothing without triggerOnEvent'],
  [{ batchTimeoutSeconds: 2 }, 'mean nothing without triggerOnEvent'],
  [{ triggerOnEvent: 't', batchSize: 0 }, 'an integer from 1 to 1,000'],
  [{ triggerOnEvent: 't', batchSize: 1_001 }, 'an integer from 1 to 1,000'],
  [{ triggerOnEvent: 't', batchSize: 1.5 }, 'an integer from 1 to 1,000'],
  [{ triggerOnEvent: 't', batchTimeoutSeconds: -1 }, 'a number from 0 to 86,400'],
  [{ triggerOnEvent: 't', batchTimeoutSeconds: Number.NaN }, 'a number from 0 to 86,400'],
  [{ triggerOnEvent: 't', batchTimeoutSeconds: 86_401 }, 'a number from 0 to 86,400'],
])('%j is refused at the definition', (starts, message) => {
  expect(() => define(starts)).toThrow(message);
});
