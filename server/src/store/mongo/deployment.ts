import type { Db, Document } from 'mongodb';
import { StoreFault } from '../store.js';
import { addressOf, toDeploymentFault } from './deployment-faults.js';
import { type Action, missingActions, type Privilege } from './deployment-privileges.js';
import { applyLayout, LAYOUT_NAMES } from './layout.js';

/** The oldest MongoDB that the store's commands are tested with. */
const OLDEST_MAJOR = 6;

/** What a MongoDB is, as far as it matters for whether a server can run on it. */
export interface Deployment {
  /** Such as `6.0.5`. */
  readonly version: string;
  /** `not_initiated`: it was started as a member of a replica set that nobody has set up. */
  readonly topology: 'replica_set' | 'sharded' | 'standalone' | 'not_initiated';
  readonly setName?: string;
  /** The data-bearing members and arbiters of the replica set; none of a sharded cluster, which does not tell. */
  readonly members: readonly Member[];
  /** Whether the one that answered takes writes. */
  readonly isWritable: boolean;
  /** Who asked, as `NAME@DATABASE`; missing where nobody has to say who he is. */
  readonly user?: string;
  /** What the user must be allowed to do in the database, and is not. */
  readonly missing: readonly Action[];
}

/** A member of a replica set. */
export interface Member {
  /** `HOST:PORT`, as the other members know it. */
  readonly address: string;
  readonly role: 'primary' | 'secondary' | 'arbiter';
}

/**
 * Looks at a MongoDB, writing nothing.
 * @throws StoreFault in one sentence when it does not answer in time, has no primary, or lets nobody in.
 */
export async function inspectDeployment(db: Db): Promise<Deployment> {
  try {
    const hello = await ask(db, { hello: 1 });
    const { version } = await ask(db, { buildInfo: 1 });
    const setName: string | undefined = hello.setName;
    const found = {
      version,
      topology: topologyOf(hello),
      ...(setName !== undefined && { setName }),
      members: membersOf(hello),
      isWritable: hello.isWritablePrimary === true,
    };
    // Only one that takes writes tells whom it lets in.
    return { ...found, ...(found.isWritable ? await inspectUser(db) : { missing: [] }) };
  } catch (error) {
    throw toDeploymentFault(error, db);
  }
}

/** Why no server can run there, each in one sentence; none if one can. */
export function refusalsOf(deployment: Deployment, db: Db): StoreFault[] {
  const { version, topology, isWritable, user, missing } = deployment;
  const there = `the MongoDB at ${addressOf(db)}`;
  const refusals: StoreFault[] = [];
  const refuse = (message: string, retryable = false) =>
    refusals.push(new StoreFault(message, { retryable }));
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    refuse(`${there} is version ${version}, and Polos needs ${OLDEST_MAJOR}.0 or newer: upgrade it`);
  }
  if (topology === 'standalone') {
    refuse(
      `${there} is a standalone, and Polos needs a replica set, of which one member is enough: start mongod with ` +
        '--replSet rs0 and call rs.initiate() in mongosh',
    );
  } else if (topology === 'not_initiated') {
    refuse(`${there} waits to be set up: call rs.initiate() in mongosh`);
  } else if (!isWritable) {
    refuse(
      `${there} is not the primary: leave out directConnection=true and name the whole replica set`,
      true,
    );
  }
  if (missing.length > 0) {
    refuse(
      `the user ${user} may not ${missing.join(', ')} in the database "${db.databaseName}" of ${there}: grant a role ` +
        'that may, such as the one of docs/operations.md',
    );
  }
  return refusals;
}

/**
 * Makes sure that a server can run there, and brings the layout up to date. Any number of servers may do it at once.
 * @throws StoreFault in one sentence when one cannot.
 */
export async function prepareDeployment(db: Db): Promise<void> {
  const deployment = await inspectDeployment(db);
  const [refusal] = refusalsOf(deployment, db);
  if (refusal !== undefined) throw refusal;
  try {
    await applyLayout(db);
  } catch (error) {
    throw toDeploymentFault(error, db);
  }
}

function topologyOf(hello: Document): Deployment['topology'] {
  if (hello.msg === 'isdbgrid') return 'sharded';
  if (hello.setName !== undefined) return 'replica_set';
  return hello.isreplicaset === true ? 'not_initiated' : 'standalone';
}

function membersOf({ hosts = [], passives = [], arbiters = [], primary }: Document): Member[] {
  const withData = [...hosts, ...passives].map((address: string) => {
    return { address, role: address === primary ? ('primary' as const) : ('secondary' as const) };
  });
  return [...withData, ...arbiters.map((address: string) => ({ address, role: 'arbiter' as const }))];
}

async function inspectUser(db: Db): Promise<Pick<Deployment, 'user' | 'missing'>> {
  const { authInfo } = await ask(db, { connectionStatus: 1, showPrivileges: true });
  const [first] = authInfo.authenticatedUsers as { readonly user: string; readonly db: string }[];
  if (first === undefined) {
    // Without users this succeeds only where MongoDB asks nobody who he is.
    await ask(db, { listCollections: 1, nameOnly: true });
    return { missing: [] };
  }
  const privileges: readonly Privilege[] = authInfo.authenticatedUserPrivileges;
  const needed = { database: db.databaseName, collections: LAYOUT_NAMES };
  return { user: `${first.user}@${first.db}`, missing: missingActions(privileges, needed) };
}

async function ask(db: Db, command: Document): Promise<Document> {
  return db.command(command, { timeoutMS: db.client.options.serverSelectionTimeoutMS });
}
