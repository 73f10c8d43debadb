import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import type { Store } from '../../server/src/store/store.js';
import { type CommandFailure, FailingMongod, type FailureMode } from './mongo-fail-points.js';

const ONE = 'one';

/** What each test gets: a mongod that fails on demand, and two stores on an empty database of it. */
export interface FailingStores {
  readonly mongod: FailingMongod;
  readonly database: string;
  readonly one: Store;
  readonly other: Store;
}

/**
 * Gives every test of a suite two stores, and heals the mongod after each.
 * @returns how commands fail for the store `one` alone.
 */
export function withFailingStores(give: (stores: FailingStores) => void) {
  let mongod: FailingMongod;
  let stores: Store[] = [];
  let round = 0;

  beforeAll(async () => {
    mongod = await FailingMongod.start();
  }, 60_000);
  beforeEach(async () => {
    const database = `round_${++round}`;
    const one = await openMongoStore({ url: mongod.url, database, clientOptions: { appName: ONE } });
    const other = await openMongoStore({ url: mongod.url, database });
    stores = [one, other];
    give({ mongod, database, one, other });
  });
  afterEach(async () => {
    await mongod.heal();
    await Promise.all(stores.map((store) => store.close()));
  });
  afterAll(() => mongod?.stop());

  return (failCommands: string[], how: Partial<CommandFailure>, mode: FailureMode) =>
    mongod.failCommands({ failCommands, appName: ONE, ...how }, mode);
}
