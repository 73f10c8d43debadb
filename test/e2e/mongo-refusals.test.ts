import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LAYOUT_NAMES } from '../../server/src/store/mongo/layout.js';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import type { Store } from '../../server/src/store/store.js';
import { command } from '../mongodb/command.js';
import { withMongod } from '../mongodb/shared.js';
import { createRecord } from '../store-conformance/samples.js';
import { Program, polos, root } from './cli-process.js';
import { type MongodProcess, startMongod, startMongodWithUsers, startPrimary } from './mongod-process.js';

test.each<[title: string, url: string, reason: RegExp]>([
  [
    'where nobody listens',
    'mongodb://someone:sesame@127.0.0.1:1/?serverSelectionTimeoutMS=1000',
    /within 1 s \(connect ECONNREFUSED 127.0.0.1:1\)/,
  ],
  [
    'of a host that there is not',
    'mongodb://someone:sesame@polos.invalid/x?serverSelectionTimeoutMS=1000',
    /within 1 s \(getaddrinfo .+ polos.inv/,
  ],
  [
    'of a name that there is not',
    'mongodb+srv://someone:sesame@polos.invalid',
    /polos.invalid\/polos cannot be looked up/,
  ],
  [
    'with an option that there is not',
    'mongodb://someone:sesame@one/?colour=1',
    /option colour is not supported/,
  ],
  ['with a password that is not escaped', 'mongodb://someone:ses/ame@one', /unescaped characters/],
])('a URL %s is refused in one sentence without the password', async (_, url, reason) => {
  await expectRefusal(url, reason);
});

withMongod(() => {
  test('a mongod that is no replica set is refused with how to make one of it', async () => {
    const { host } = await started(startMongod());
    await expectRefusal(
      `mongodb://${host}`,
      /is a standalone, and Polos needs a replica set, of which one member is enough: start mongod with --replSet rs0 and/,
    );
    await expectRefusal(
      `mongodb://${host}/?replicaSet=rs0&serverSelectionTimeoutMS=1000`,
      /no member of the replica set "rs0" answers .* --replSet$/,
    );
  });

  test('a replica set that nobody has set up is refused with what to do', async () => {
    const { host } = await started(startMongod('--replSet', 'rs0'));
    await expectRefusal(
      `mongodb://${host}/?serverSelectionTimeoutMS=1000`,
      /waits to be set up: call rs.initiate\(\) in mongosh$/,
    );
    await expectRefusal(`mongodb://${host}/?directConnection=true`, /waits to be set up/);
  });

  test('a replica set without a primary is refused, which may pass', async () => {
    const { port, host } = await started(startPrimary());
    await command(port, { replSetStepDown: 600, secondaryCatchUpPeriodSecs: 0, force: true });
    const url = `mongodb://${host}/?serverSelectionTimeoutMS=1000`;
    await expectRefusal(
      url,
      /has no primary that can be reached, and none was elected within 1 s: .* \(reached: 127/,
    );
    await expectRefusal(
      `${url}&directConnection=true`,
      /is not the primary: leave out directConnection=true and/,
    );
    const { stdout } = await polos(['server', 'check', '--mongodb-url', url, '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, refusals: [{ retryable: true }], plan: [] });
  });

  describe('where users are asked who they are', () => {
    let mongod: MongodProcess;
    beforeAll(async () => {
      mongod = await startMongodWithUsers();
      const { createRole, createUser } = commandsOf(roleOfTheManual());
      await asRoot(mongod, createRole);
      await asRoot(mongod, createUser);
    });
    afterAll(() => mongod?.stop());

    test('a URL without a user is refused', async () => {
      await expectRefusal(
        `mongodb://${mongod.host}`,
        /asks for a user and a password: write them as mongodb:/,
      );
    });

    test('a wrong password is refused, and so is the wrong database to look for the user in', async () => {
      const hint =
        /refuses the user "polos" of the database "(admin|polos)" or its password: .* \?authSource=$/;
      await expectRefusal(`mongodb://polos:sesame@${mongod.host}`, hint);
      await expectRefusal(`mongodb://polos:open-sesame@${mongod.host}/polos`, hint);
    });

    test('a user that may not do everything is refused with what he may not, and where', async () => {
      const { createRole, createUser } = commandsOf(roleOfTheManual());
      const [{ resource, actions }] = createRole.privileges;
      const fewer = actions.filter((action: string) => !['changeStream', 'collMod'].includes(action));
      await asRoot(mongod, {
        ...createRole,
        ...{ createRole: 'fewer', privileges: [{ resource, actions: fewer }] },
      });
      await asRoot(mongod, { ...createUser, createUser: 'weak', roles: ['fewer'] });
      await expectRefusal(
        `mongodb://weak:open-sesame@${mongod.host}/polos?authSource=admin`,
        /the user weak@admin may not collMod, changeStream in the database "polos" of .*: grant a role that may, such as/,
      );
    });

    test('servers hear of each other with the role of the manual, or with one that names the collections', async () => {
      const { createRole, createUser } = commandsOf(roleOfTheManual());
      const [{ actions }] = createRole.privileges;
      const ofTheDatabase = ['listCollections', 'find', 'changeStream'];
      const byName = LAYOUT_NAMES.map((collection) => {
        const ofCollection = actions.filter((action: string) => !ofTheDatabase.includes(action));
        return { resource: { db: 'polos', collection }, actions: ofCollection };
      });
      const privileges = [...byName, { resource: { db: 'polos', collection: '' }, actions: ofTheDatabase }];
      await asRoot(mongod, { ...createRole, createRole: 'named', privileges });
      await asRoot(mongod, { ...createUser, createUser: 'careful', roles: ['named'] });
      const stores = ['polos', 'careful'].map((user) => {
        return openMongoStore({ url: `mongodb://${user}:open-sesame@${mongod.host}/polos?authSource=admin` });
      });
      const [one, other] = (await Promise.all(stores)) as [Store, Store];
      onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
      const told = [one, other].map((store) => {
        const groups: string[] = [];
        store.follow({ changed() {}, recordsChanged: (more) => void groups.push(...more), missed() {} });
        return groups;
      });
      await vi.waitFor(async () => {
        await createRecord(one, { group: 'of one', id: randomUUID() });
        await createRecord(other, { group: 'of the other', id: randomUUID() });
        expect(told.map(([group]) => group)).toEqual(['of the other', 'of one']);
      }, 5_000);
    });

    test('the role of the manual is all that a server needs', async () => {
      const url = `mongodb://polos:open-sesame@${mongod.host}/polos?authSource=admin`;
      const { status, stdout } = await polos(['server', 'check'], { env: { POLOS_MONGODB_URL: url } });
      expect(status).toBe(0);
      expect(stdout).toContain('\nuser      polos@admin\n');
      const server = new Program(
        [join(root, 'server/bin/polos.js'), 'server', 'start', '--port', '0', '--retention-days', '1'],
        { env: { POLOS_MONGODB_URL: url } },
      );
      onTestFinished(async () => void (await server.end('SIGKILL')));
      const env = {
        POLOS_API_URL: (await server.line(/^polos listening on /)).replace('polos listening on ', ''),
      };
      const worker = new Program([join(root, 'test/e2e/programs/cli-worker.mjs')], { env });
      await worker.line(/^registered$/);
      const args = ['invoke', 'greet', '--payload', '{"name":"Ada"}', '--wait'];
      expect(await polos(args, { env })).toMatchObject({ status: 0 });
      expect((await polos(['execution', 'list'], { env })).stdout).toContain('completed');
      await worker.end('SIGTERM');
      expect(await server.end('SIGTERM')).toMatchObject({ status: 0, stderr: '' });
    });
  });
});

/** Neither start nor check goes on, and both say why in one line, in which nothing secret is. */
async function expectRefusal(url: string, reason: RegExp): Promise<void> {
  const env = { POLOS_MONGODB_URL: url };
  const [started, checked] = await Promise.all([
    polos(['server', 'start', '--port', '0'], { env }),
    polos(['server', 'check'], { env }),
  ]);
  expect(started).toMatchObject({ status: 1, stdout: '' });
  expect(checked).toMatchObject({ status: 1, stderr: '' });
  const [, startReason] = /^error: the server could not be started: (.+)\n$/.exec(started.stderr) ?? [];
  const [, checkReason] = /(?:^|\n)refused: (.+)\n$/.exec(checked.stdout) ?? [];
  expect(startReason, started.stderr).toMatch(reason);
  expect(checkReason).toBe(startReason);
  expect(started.stderr + checked.stdout).not.toMatch(/ses\/?ame/);
}

async function started(starting: Promise<MongodProcess>): Promise<MongodProcess> {
  const mongod = await starting;
  onTestFinished(() => mongod.stop());
  return mongod;
}

/** The snippet for mongosh that docs/operations.md has, word for word. */
function roleOfTheManual(): string {
  const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  const [, snippet] = /```js\n(use\('admin'\)[^`]*createRole[^`]*)```/.exec(text) ?? [];
  if (snippet === undefined) throw new Error('docs/operations.md has no role');
  return snippet;
}

interface Commands {
  // biome-ignore lint/suspicious/noExplicitAny: what the manual says is not known here.
  readonly createRole: any;
  // biome-ignore lint/suspicious/noExplicitAny: the same.
  readonly createUser: any;
}

/** What mongosh makes of the snippet; the password is asked for there. */
function commandsOf(snippet: string): Commands {
  const said: Record<string, unknown> = {};
  const db = {
    createRole: ({ role, ...rest }: Record<string, unknown>) => {
      said.createRole = { createRole: role, ...rest };
    },
    createUser: ({ user, ...rest }: Record<string, unknown>) => {
      said.createUser = { createUser: user, ...rest };
    },
  };
  new Function('use', 'db', 'passwordPrompt', snippet)(
    () => {},
    db,
    () => 'open-sesame',
  );
  return said as unknown as Commands;
}

async function asRoot({ host }: MongodProcess, command: object): Promise<void> {
  const client = new MongoClient(`mongodb://root:secret@${host}/?directConnection=true`);
  try {
    await client.db('admin').command(command);
  } finally {
    await client.close();
  }
}
