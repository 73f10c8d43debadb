import { expect, test } from 'vitest';
import { ACTIONS, missingActions, type Privilege } from './deployment-privileges.js';

const needed = { database: 'polos', collections: ['executions', 'journal'] };
const all = [...ACTIONS];
const ofTheDatabase = ['listCollections', 'find', 'changeStream'];
const ofCollections = all.filter((action) => !ofTheDatabase.includes(action));

test.each<[title: string, resource: Privilege['resource']]>([
  ['in the database', { db: 'polos', collection: '' }],
  ['in all databases', { db: '', collection: '' }],
  ['everywhere', { anyResource: true }],
])('actions that are allowed %s are not missing', (_, resource) => {
  expect(missingActions([{ resource, actions: all }], needed)).toEqual([]);
});

test('actions that are allowed on each collection by its name are not missing, but for those of the database', () => {
  const privileges = [
    { resource: { db: '', collection: 'executions' }, actions: ofCollections },
    { resource: { db: 'polos', collection: 'journal' }, actions: ofCollections },
    { resource: { db: 'polos', collection: '' }, actions: ofTheDatabase },
  ];
  expect(missingActions(privileges, needed)).toEqual([]);
  expect(missingActions(privileges.slice(0, 2), needed)).toEqual(['find', 'listCollections', 'changeStream']);
});

test.each<[title: string, privilege: Privilege]>([
  ['in another database', { resource: { db: 'other', collection: '' }, actions: all }],
  ['on the cluster', { resource: { cluster: true }, actions: all }],
  ['on a system collection', { resource: { db: 'polos', collection: 'system.js' }, actions: all }],
  ['nowhere', { resource: { db: 'polos', collection: '' }, actions: [] }],
])('actions that are allowed %s are missing', (_, privilege) => {
  expect(missingActions([privilege], needed)).toEqual(all);
});

test('an action that is allowed on some collections only is missing', () => {
  const privileges = [
    { resource: { db: 'polos', collection: '' }, actions: all.filter((action) => action !== 'collMod') },
    { resource: { db: 'polos', collection: 'journal' }, actions: ['collMod'] },
  ];
  expect(missingActions(privileges, needed)).toEqual(['collMod']);
});
