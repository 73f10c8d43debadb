import { expect, test } from 'vitest';
import { checkDeployment } from './deployment-check.js';

test.each([
  'redis://someone:sesame@one',
  'mongodb://someone:sesame@one/?retrywrites',
  'mongodb://someone:sesame@one/?colour=green',
  'mongodb://someone:sesame@one/?tls=perhaps',
  'mongodb://someone:sesame@one:99999',
  'mongodb://someone:ses/ame@one',
  'mongodb://someone:ses@ame@one',
  'mongodb://someone:ses:ame@one',
  'mongodb://someone:ses?ame@one',
  'mongodb://someone:ses%ame@one',
  'mongodb://someone:ses#ame@one',
  'mongodb://someone:sesame@',
  'sesame',
  '',
])('a URL that is malformed is refused in one sentence without the password: %s', async (url) => {
  const { refusals, ...check } = await checkDeployment(url);
  expect(check).toEqual({ plan: [], shardCommands: [] });
  expect(refusals).toEqual([{ message: expect.stringMatching(/^the URL of MongoDB .+$/), retryable: false }]);
  expect(refusals[0]!.message).not.toMatch(/ses|ame\b|someone|\n/);
});
