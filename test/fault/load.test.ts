import { expect, test } from 'vitest';
import { EXECUTIONS_MIN, underLoad } from './load-faults.js';
import { readJournal } from './load-journal.js';
import { Site } from './load-site.js';

test('a server killed with -9 under load and started again', { timeout: 120_000 }, async () => {
  const site = await Site.start({ servers: 1, workers: 2 });
  const [server] = site.servers;
  const figures = await underLoad('embedded store, server killed', site, async (faults) => {
    for (let time = 1; time <= 2; time++) {
      await faults.inject('server killed', async () => {
        await server!.kill();
        await server!.restart();
      });
      await site.load.finish(100);
    }
  });
  expect(figures.faults).toBe(2);
  expect(figures.executions).toBeGreaterThanOrEqual(EXECUTIONS_MIN);
});

test.each([
  {
    what: 'a function that ran again after its step was durable',
    lines: ['body e a 1', 'acked e a ?', 'body e a 2'],
  },
  {
    what: 'a step that was durable with two values',
    lines: ['body e a 1', 'body e a 2', 'acked e a 1', 'acked e a 2'],
  },
  { what: 'a step that was durable with what nothing returned', lines: ['body e a 1', 'acked e a 2'] },
])('the journal tells of $what', ({ lines }) => {
  expect(readJournal(lines.join('\n')).violations).toHaveLength(1);
});

test('the journal tells of nothing when a function ran again before its step was durable', () => {
  const lines = ['body e a 1', 'body e b 2', 'body e a 3', 'acked e a 3', 'acked e a ?', 'body f a 4'];
  const { steps, violations } = readJournal(lines.join('\n'));
  expect(violations).toEqual([]);
  expect(steps.get('e a')?.bodies).toEqual(['1', '3']);
});
