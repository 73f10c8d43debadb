import { randomBytes } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, onTestFinished } from 'vitest';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.js';
import type { Store } from '../../server/src/store/store.js';
import { uniqueDatabase } from '../mongodb/shared.js';

/**
 * Empty databases for one store after another. Making one takes 0.4 s, most of it for its indexes, so one that no store has
 * open any more is emptied and used again.
 */
export class MongoDatabases {
  private readonly free: Db[] = [];
  private readonly openedOn = new Map<Store, Db>();
  private readonly opened = new Map<Db, number>();
  private client: MongoClient | undefined;
  private url = '';

  constructor() {
    afterAll(async () => {
      for (const database of this.opened.keys()) await database.dropDatabase();
      await this.client?.close();
    });
  }

  /** Opens stores on one empty database. */
  async open(count = 1): Promise<readonly Store[]> {
    const database = await this.emptyDatabase();
    const stores: Store[] = [];
    for (let n = 0; n < count; n++) stores.push(await this.openOn(database));
    return stores;
  }

  /** Closes a store and opens its database again. */
  async reopen(store: Store): Promise<Store> {
    const database = this.openedOn.get(store)!;
    const again = await this.openOn(database);
    await store.close();
    return again;
  }

  /** A database of one's own to open stores on, by another way than `open`. */
  async address(): Promise<{ readonly url: string; readonly name: string }> {
    const { databaseName } = await this.emptyDatabase();
    return { url: this.url, name: databaseName };
  }

  /** Opens stores on a database of their own, which is dropped when the test is over; answers that database, too. */
  async openApart(count = 1): Promise<{
    readonly address: { readonly url: string; readonly database: string };
    readonly stores: readonly [Store, ...Store[]];
    readonly database: Db;
  }> {
    const { url, name } = await this.address();
    const address = { url, database: name };
    const stores: Store[] = [];
    for (let n = 0; n < count; n++) stores.push(await openMongoStore(address));
    const client = new MongoClient(url);
    const database = client.db(name);
    onTestFinished(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await database.dropDatabase();
      await client.close();
    });
    return { address, stores: stores as [Store, ...Store[]], database };
  }

  private async openOn(database: Db): Promise<Store> {
    const store = await openMongoStore({ url: this.url, database: database.databaseName });
    this.openedOn.set(store, database);
    this.opened.set(database, (this.opened.get(database) ?? 0) + 1);
    const { close } = store;
    let isClosed = false;
    store.close = async () => {
      await close.call(store);
      if (isClosed) return;
      isClosed = true;
      const left = this.opened.get(database)! - 1;
      this.opened.set(database, left);
      if (left === 0) this.free.push(database);
    };
    return store;
  }

  private async emptyDatabase(): Promise<Db> {
    this.client ??= await this.connect();
    const database = this.free.pop();
    if (!database) return this.client.db(`polos_test_${randomBytes(8).toString('hex')}`);
    const collections = await database.collections();
    await Promise.all(
      collections.map((collection) => collection.deleteMany({ _id: { $ne: 'layout' as never } })),
    );
    return database;
  }

  private async connect(): Promise<MongoClient> {
    ({ url: this.url } = await uniqueDatabase());
    return new MongoClient(this.url);
  }
}
