import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { expect, onTestFinished, test } from 'vitest';
import { uniqueDatabase, withMongodb } from '../mongodb/shared.js';
import { Program, polos, root } from './cli-process.js';

withMongodb(() => {
  test('four servers that start at once on an empty database all come up', async () => {
    const { url } = await uniqueDatabase();
    const servers = await Promise.all([1, 2, 3, 4].map(() => start(url)));
    for (const { url } of servers) {
      const listed = await polos(['execution', 'list'], { env: { POLOS_API_URL: url } });
      expect(listed).toEqual({ status: 0, stdout: 'no executions\n', stderr: '' });
    }
    const ends = await Promise.all(servers.map(({ server }) => server.end('SIGTERM')));
    for (const { status, stderr } of ends) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect((await check(url)).stdout).toMatch(/\nlayout {4}version 2\n\nok: nothing to do\n$/);
  });

  test('what was asked of one server is carried out by a worker of another', async () => {
    const { url } = await uniqueDatabase();
    const [one, other] = await Promise.all([start(url, '--retention-days', '30,other=7'), start(url)]);
    const worker = new Program([join(root, 'test/e2e/programs/cli-worker.mjs')], {
      env: { POLOS_API_URL: other.url },
    });
    await worker.line(/^registered$/);
    const args = ['invoke', 'greet', '--payload', '{"name":"Ada"}', '--wait', '-o', 'json'];
    const { status, stdout, stderr } = await polos(args, { env: { POLOS_API_URL: one.url } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ result: { greeting: 'Hello, Ada!' } });
    const [kept] = await documents(url, 'executions');
    expect(kept).toMatchObject({ status: 'completed', state: { greeted: ['Ada'], count: 1 } });
    await worker.end('SIGTERM');
    for (const { server } of [one, other]) expect((await server.end('SIGTERM')).status).toBe(0);
  });

  test('a check tells what a server would make, and makes nothing', async () => {
    const { url, name } = await uniqueDatabase();
    const { status, stdout, stderr } = await check(url);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^address {3}mongodb:\/\/.+\nversion {3}\d+\.\d+\.\d+\ntopology {2}.+\nmembers {3}.+ \(primary\)\n/,
    );
    expect(stdout).toContain('index       executions.ready            missing  made\n');
    expect(stdout).toContain('index       records.alias               missing  made\n');
    expect(stdout).toMatch(/\n\nok: a server that starts makes 7 collections, \d+ indexes, 6 validators\n$/);
    const { ok, deployment, plan, refusals } = JSON.parse((await check(url, '-o', 'json')).stdout);
    expect({ ok, refusals }).toEqual({ ok: true, refusals: [] });
    expect(deployment).toMatchObject({ isWritable: true, missing: [] });
    expect(plan).toContainEqual({
      ...{ what: 'index', name: 'journal.order', state: 'missing', isMade: true },
    });
    expect(await databasesOf(url)).not.toContain(name);
  });

  test('a database of a newer Polos is refused by check and start alike', async () => {
    const { url } = await uniqueDatabase();
    await withClient(url, (client) => {
      const record = { _id: 'layout', version: 3, revision: 1, createdAt: new Date() };
      return client.db().collection<{ _id: string }>('layout').insertOne(record);
    });
    const reason = 'was written by a newer Polos (its layout is version 3, this server knows 2)';
    const checked = await check(url);
    expect(checked).toMatchObject({ status: 1, stderr: '' });
    expect(checked.stdout).toMatch(/\nrefused: .*: start that version or a later one\n$/);
    expect(checked.stdout).toContain(reason);
    const started = await polos(['server', 'start', '--port', '0', '--mongodb-url', url]);
    expect(started).toMatchObject({ status: 1, stdout: '' });
    expect(started.stderr).toMatch(/^error: the server could not be started: [^\n]+\n$/);
    expect(started.stderr).toContain(reason);
  });
});

/** Starts a server on a free port; it ends with the test at the latest. */
async function start(mongodbUrl: string, ...args: readonly string[]) {
  const command = [join(root, 'server/bin/polos.js'), 'server', 'start', '--port', '0', ...args];
  const server = new Program(command, { env: { POLOS_MONGODB_URL: mongodbUrl } });
  onTestFinished(async () => void (await server.end('SIGKILL')));
  const line = await server.line(/^polos listening on /);
  return { server, url: line.replace('polos listening on ', '') };
}

function check(mongodbUrl: string, ...args: readonly string[]) {
  return polos(['server', 'check', '--mongodb-url', mongodbUrl, ...args]);
}

async function documents(url: string, collection: string) {
  return withClient(url, (client) => client.db().collection(collection).find().toArray());
}

async function databasesOf(url: string): Promise<string[]> {
  const { databases } = await withClient(url, (client) => client.db('admin').admin().listDatabases());
  return databases.map(({ name }) => name);
}

async function withClient<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
