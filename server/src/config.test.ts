import { expect, test } from 'vitest';
import { readConfig, type ServerOptions } from './config.js';

const mongodbUrl = 'mongodb://one/polos';

test.each<[text: string, others: number | 'never', projects: Record<string, number | 'never'>]>([
  ['30', 30, {}],
  ['never', 'never', {}],
  ['1', 1, {}],
  ['30,a=7,b=never', 30, { a: 7, b: 'never' }],
  ['a=7, 30', 30, { a: 7 }],
  ['a.b-c_D=365', 'never', { 'a.b-c_D': 365 }],
])('a retention of %s days is %s for others and %j', (retentionDays, others, projects) => {
  const config = readConfig({ retentionDays }, {});
  expect(config.retentionDays).toEqual({ others, projects: new Map(Object.entries(projects)) });
  expect(readConfig({ mongodbUrl, retentionDays }, {}).retentionDays).toEqual(config.retentionDays);
  const ofTopics = readConfig({ topicRetentionDays: retentionDays }, {});
  expect(ofTopics.topicRetentionDays).toEqual(config.retentionDays);
  expect(ofTopics.retentionDays).toBeUndefined();
});

test.each(['0', '0.5', '-1', '1e3', '36501', '', 'x', '30,', '30,40', 'a=1,a=2', 'a=', 'a=0', '=7', 'a b=7'])(
  'a retention of "%s" days is refused',
  (retentionDays) => {
    expect(() => readConfig({ mongodbUrl, retentionDays }, {})).toThrow('retentionDays');
    expect(() => readConfig({ topicRetentionDays: retentionDays }, {})).toThrow('topicRetentionDays');
  },
);

test.each([
  [{}, {}, 'embedded'],
  [{}, { POLOS_MONGODB_URL: mongodbUrl }, 'mongodb'],
  [{}, { POLOS_MONGODB_URL: '' }, 'embedded'],
  [{ mongodbUrl }, {}, 'mongodb'],
  [{ store: 'mongodb' }, { POLOS_MONGODB_URL: mongodbUrl }, 'mongodb'],
  [{ store: 'embedded' }, { POLOS_MONGODB_URL: mongodbUrl }, 'embedded'],
  [{ dataDir: 'data' }, { POLOS_MONGODB_URL: mongodbUrl }, 'embedded'],
] as const)('options %j and the environment %j mean the store %s', (options, env, store) => {
  expect(readConfig(options, env).storage.store).toBe(store);
});

test('what the command line says counts before what the environment says', () => {
  const env = {
    POLOS_MONGODB_URL: 'mongodb://two',
    POLOS_RETENTION_DAYS: '7',
    POLOS_TOPIC_RETENTION_DAYS: '3',
    POLOS_API_KEYS: 'a,,b',
  };
  const { storage, retentionDays, topicRetentionDays, apiKeys } = readConfig(
    { mongodbUrl, retentionDays: '30' },
    env,
  );
  expect(storage).toMatchObject({ url: mongodbUrl });
  expect([retentionDays, topicRetentionDays]).toMatchObject([{ others: 30 }, { others: 3 }]);
  expect(apiKeys).toEqual(['a', 'b']);
});

test.each([{ port: -1 }, { store: 'embedded' }, { retentionDays: '0' }] as const)(
  'what is wrong with %j is said without the URL',
  (wrong) => {
    expect(messageOf({ mongodbUrl: 'mongodb://someone:sesame@one', ...wrong })).not.toMatch(
      /sesame|someone|^$/,
    );
  },
);

function messageOf(options: ServerOptions): string {
  try {
    readConfig(options, {});
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
