import { MongoClient } from 'mongodb';
import { expect, test } from 'vitest';
import { type Deployment, refusalsOf } from './deployment.js';

const db = new MongoClient('mongodb://someone:sesame@one').db('polos');
const good: Deployment = {
  ...{ version: '6.0.0', topology: 'replica_set', setName: 'rs0', members: [], isWritable: true },
  ...{ user: 'someone@admin', missing: [] },
};

test.each<[title: string, deployment: Partial<Deployment>]>([
  ['a replica set', {}],
  ['a sharded cluster', { topology: 'sharded', version: '7.0.1' }],
  ['a version of two digits', { version: '10.0.0' }],
])('%s is not refused', (_, deployment) => {
  expect(refusalsOf({ ...good, ...deployment }, db)).toEqual([]);
});

test.each<[deployment: Partial<Deployment>, message: string, retryable: boolean]>([
  [
    { version: '5.0.31' },
    'the MongoDB at mongodb://one:27017/polos is version 5.0.31, and Polos needs 6.0 or newer: upgrade it',
    false,
  ],
  [
    { isWritable: false },
    'the MongoDB at mongodb://one:27017/polos is not the primary: leave out directConnection=true and name the whole ' +
      'replica set',
    true,
  ],
  [
    { missing: ['collMod'] },
    'the user someone@admin may not collMod in the database "polos" of the MongoDB at mongodb://one:27017/polos: grant a ' +
      'role that may, such as the one of docs/operations.md',
    false,
  ],
])('%j is refused in one sentence', (deployment, message, retryable) => {
  const refusals = refusalsOf({ ...good, ...deployment }, db);
  expect(refusals.map((refusal) => [refusal.message, refusal.retryable])).toEqual([[message, retryable]]);
});

test('all that is wrong is told', () => {
  const deployment: Deployment = { ...good, version: '4.4.0', topology: 'standalone', missing: ['find'] };
  expect(refusalsOf(deployment, db)).toHaveLength(3);
});
