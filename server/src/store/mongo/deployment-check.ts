import type { Db } from 'mongodb';
import { StoreFault } from '../store.js';
import { COLLECTIONS } from './collections.js';
import { Connection } from './connection.js';
import { type Deployment, inspectDeployment, refusalsOf } from './deployment.js';
import { addressOf, toDeploymentFault } from './deployment-faults.js';
import { partsToMake, readLayoutRecord, refusalsOfPlan } from './layout.js';
import { type LayoutPart, planLayout } from './layout-plan.js';

/** What a server would find on a MongoDB, and do there when it starts. */
export interface DeploymentCheck {
  /** Without user and password. */
  readonly address?: string;
  readonly deployment?: Deployment;
  /** The version of the layout that is there; missing before a server started on it. */
  readonly layoutVersion?: number;
  /** Why no server can start; none if one can. */
  readonly refusals: readonly { readonly message: string; readonly retryable: boolean }[];
  /** All parts of the layout; none if it could not be looked at. */
  readonly plan: readonly (LayoutPart & { readonly isMade: boolean })[];
  /** Of a sharded cluster: what to say in mongosh to spread the collections that are not yet. */
  readonly shardCommands: readonly string[];
}

/** Looks at a MongoDB as a server that starts does, but writes nothing. Rejects for bugs only. */
export async function checkDeployment(url: string): Promise<DeploymentCheck> {
  const nothing = { refusals: [], plan: [], shardCommands: [] };
  let connection: Connection;
  try {
    connection = new Connection({ url });
  } catch (error) {
    return { ...nothing, ...refusedBy(error) };
  }
  const { client, database: db } = connection;
  const address = addressOf(db);
  try {
    const deployment = await inspectDeployment(db);
    const refusals = refusalsOf(deployment, db);
    if (refusals.length > 0) return { address, deployment, ...nothing, refusals: refusals.map(toRefusal) };
    return { address, deployment, ...(await checkLayout(db, deployment)) };
  } catch (error) {
    return { address, ...nothing, ...refusedBy(toDeploymentFault(error, db)) };
  } finally {
    await client.close();
  }
}

async function checkLayout(
  db: Db,
  { topology }: Deployment,
): Promise<Pick<DeploymentCheck, 'layoutVersion' | 'plan' | 'refusals' | 'shardCommands'>> {
  const record = await readLayoutRecord(db);
  const plan = await planLayout(db);
  const made = new Set(partsToMake(plan, record));
  return {
    ...(record !== undefined && { layoutVersion: record.version }),
    refusals: refusalsOfPlan(plan, db).map(toRefusal),
    plan: plan.map((part) => ({ ...part, isMade: made.has(part) })),
    shardCommands: topology === 'sharded' ? await shardCommands(db) : [],
  };
}

/** What to say in mongosh about the collections that are not sharded, or not known to be: not every user may look. */
export async function shardCommands(db: Db): Promise<string[]> {
  const namespaces = COLLECTIONS.map(({ name }) => `${db.databaseName}.${name}`);
  const config = db.client.db('config').collection<{ readonly _id: string }>('collections');
  const sharded = await config
    .find({ _id: { $in: namespaces } })
    .toArray()
    .catch(() => []);
  return COLLECTIONS.flatMap(({ name, shardKey }) => {
    const namespace = `${db.databaseName}.${name}`;
    if (sharded.some(({ _id }) => _id === namespace)) return [];
    return [`sh.shardCollection(${JSON.stringify(namespace)}, ${JSON.stringify(shardKey)})`];
  });
}

function refusedBy(error: unknown): Pick<DeploymentCheck, 'refusals'> {
  if (error instanceof StoreFault) return { refusals: [toRefusal(error)] };
  throw error;
}

function toRefusal({ message, retryable }: StoreFault) {
  return { message, retryable };
}
