import {
  MongoBulkWriteError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoServerError,
  MongoTopologyClosedError,
} from 'mongodb';
import { expect, test } from 'vitest';
import { StoreFault } from '../store.js';
import { Connection } from './connection.js';
import { faultOfWrite, toFault } from './faults.js';

const server = (code: number, errmsg = 'why') => new MongoServerError({ code, errmsg });
const bulk = (error: Error) => new MongoBulkWriteError(error as never, {} as never);
const reset = Object.assign(new Error('write ECONNRESET'), { syscall: 'write', code: 'ECONNRESET' });

test.each<[what: string, error: unknown, retryable: boolean, message: string]>([
  ['a broken connection', new MongoNetworkError('gone'), true, 'load a: the connection failed (gone)'],
  ['one that broke while sending', reset, true, 'load a: the connection failed (write ECONNRESET)'],
  ['one that broke for a group', bulk(reset), true, 'load a: the connection failed (write ECONNRESET)'],
  ['an election', server(10_107), true, 'load a: no primary takes it now (why)'],
  ['an election, for a group', bulk(server(10_107)), true, 'load a: no primary takes it now (why)'],
  ['a majority that is missing', server(64), true, 'load a: no majority confirmed it (why)'],
  ['a full disk', server(14_031), true, 'load a: the disk is full (why)'],
  [
    'a document that does not fit',
    server(121),
    false,
    'load a: a document does not fit its collection (why)',
  ],
  ['a large document', server(10_334), false, 'load a: a document is larger than MongoDB allows (why)'],
  [
    'a document too large to be sent',
    new MongoInvalidArgumentError('large'),
    false,
    'load a: a document is larger than MongoDB allows (large)',
  ],
  ['a missing privilege', server(13), false, 'load a: the user may not do that (why)'],
  ['what nobody knows', server(4_711), false, 'load a: MongoDB refuses it with code 4711 (why)'],
  ['a closed client', new MongoTopologyClosedError('closed'), true, 'load a: the store is closed (closed)'],
  [
    'a message with a password',
    server(13, 'mongodb://user:pass@word@host/db denied'),
    false,
    'load a: the user may not do that (mongodb://host/db denied)',
  ],
])('%s is a fault', (_, error, retryable, message) => {
  const fault = toFault('load a', error);
  expect(fault).toBeInstanceOf(StoreFault);
  expect(fault).toMatchObject({ retryable, message });
});

test('a bug and a fault stay what they are', () => {
  for (const error of [new TypeError('bug'), new StoreFault('known', { retryable: true }), 'text']) {
    expect(toFault('load a', error)).toBe(error);
  }
});

test('a write of several that failed is a fault of its own', () => {
  expect(faultOfWrite('commit a', { code: 121, errmsg: 'why' })).toMatchObject({
    retryable: false,
    message: 'commit a: a document does not fit its collection (why)',
  });
  expect(faultOfWrite('commit a', { code: 189, errmsg: undefined as never })).toMatchObject({
    retryable: true,
  });
});

test.each(['mongodb://ann:secret@', 'mongodb://ann:secret@host:x/', 'http://ann:secret@host', 'nonsense'])(
  'the URL %s is refused without its password',
  (url) => {
    const refused = expect(() => new Connection({ url }));
    refused.toThrow(StoreFault);
    refused.toThrow(/^the URL of MongoDB cannot be used: (?!.*secret)/);
  },
);

test.each([
  ['mongodb://host', 'polos'],
  ['mongodb://host/', 'polos'],
  ['mongodb://host/?w=1', 'polos'],
  ['mongodb://a:1,b:2/test?replicaSet=rs0', 'test'],
  ['mongodb://u:p@host/my%20data', 'my data'],
])('the URL %s names the database "%s"', (url, name) => {
  expect(new Connection({ url }).database.databaseName).toBe(name);
  expect(new Connection({ url, database: 'given' }).database.databaseName).toBe('given');
});

test('what the URL says counts, but for what the promises of the store depend on', () => {
  const url =
    'mongodb://host/?w=1&journal=false&readPreference=secondary&maxPoolSize=7&AppName=mine&retryWrites=false';
  const { client, executions } = new Connection({ url });
  expect(client.options).toMatchObject({
    maxPoolSize: 7,
    appName: 'mine',
    retryWrites: false,
    socketTimeoutMS: 15_000,
  });
  expect(executions.writeConcern).toMatchObject({ w: 'majority', journal: true });
  expect(executions.readConcern).toMatchObject({ level: 'majority' });
  expect(executions.readPreference).toMatchObject({ mode: 'primary' });
});
