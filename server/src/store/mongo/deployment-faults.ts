import {
  type Db,
  MongoError,
  MongoServerError,
  MongoServerSelectionError,
  type ServerDescription,
} from 'mongodb';
import { StoreFault } from '../store.js';

/** https://www.mongodb.com/docs/manual/reference/error-codes/ */
const [UNAUTHORIZED, AUTHENTICATION_FAILED, UNSUPPORTED_MECHANISM, ATLAS_AUTHENTICATION] = [
  13, 18, 334, 8000,
];

/** `mongodb://HOSTS/DATABASE`, without user, password and options: what a message may show. */
export function addressOf({ client, databaseName }: Pick<Db, 'client' | 'databaseName'>): string {
  const { srvHost, hosts } = client.options;
  const place = srvHost === undefined ? `mongodb://${hosts.join(',')}` : `mongodb+srv://${srvHost}`;
  return `${place}/${databaseName}`;
}

/**
 * What the driver threw while a MongoDB was looked at, in one sentence that says what to do. Passes on faults, and bugs of
 * our own.
 */
export function toDeploymentFault(error: unknown, db: Pick<Db, 'client' | 'databaseName'>): unknown {
  if (error instanceof StoreFault) return error;
  const { message, retryable } = meaningOf(error, db) ?? {};
  if (message === undefined || retryable === undefined) return error;
  return new StoreFault(message, { retryable, cause: error });
}

interface Meaning {
  readonly message: string;
  readonly retryable: boolean;
}

function meaningOf(error: unknown, db: Pick<Db, 'client' | 'databaseName'>): Meaning | undefined {
  const address = addressOf(db);
  if (error instanceof MongoServerSelectionError) return unreachable(error, address, db);
  if (error instanceof MongoServerError) return refused(error, address, db);
  if (error instanceof MongoError) {
    return {
      message: `the MongoDB at ${address} does not answer as it should: ${error.message}`,
      retryable: true,
    };
  }
  // Looking up what mongodb+srv:// stands for goes through Node's resolver, whose errors are no MongoErrors.
  if (error instanceof Error && 'syscall' in error) {
    const message = `the name in ${address} cannot be looked up (${error.message}): check it, and the name server`;
    return { message, retryable: true };
  }
  return undefined;
}

function refused(error: MongoServerError, address: string, { client }: Pick<Db, 'client'>): Meaning {
  const { credentials } = client.options;
  switch (error.code) {
    case AUTHENTICATION_FAILED:
    case UNSUPPORTED_MECHANISM:
    case ATLAS_AUTHENTICATION:
      return {
        message:
          `the MongoDB at ${address} refuses the user "${credentials?.username}" of the database ` +
          `"${credentials?.source}" or its password: check both, and name the database that the user was created in ` +
          'with ?authSource=',
        retryable: false,
      };
    case UNAUTHORIZED:
      if (credentials !== undefined) break;
      return {
        message: `the MongoDB at ${address} asks for a user and a password: write them as mongodb://USER:PASSWORD@HOST`,
        retryable: false,
      };
  }
  return { message: `the MongoDB at ${address} refuses a command: ${error.message}`, retryable: false };
}

/** The driver found no server that takes writes; what it knows of each tells the reasons apart. */
function unreachable(
  { reason, message }: MongoServerSelectionError,
  address: string,
  { client }: Pick<Db, 'client'>,
): Meaning {
  const servers = [...(reason?.servers.values() ?? [])];
  const within = `within ${client.options.serverSelectionTimeoutMS / 1_000} s`;
  if (servers.some(({ type }) => type === 'RSGhost')) {
    return {
      message: `the MongoDB at ${address} waits to be set up: call rs.initiate() in mongosh`,
      retryable: false,
    };
  }
  if (servers.some(({ type }) => type === 'RSSecondary' || type === 'RSOther')) {
    const reached = servers.filter(isReached).map((server) => server.address);
    return {
      message:
        `the MongoDB at ${address} has no primary that can be reached, and none was elected ${within}: a majority of ` +
        `its members must run and see each other (reached: ${reached.join(', ')})`,
      retryable: true,
    };
  }
  if (servers.length === 0) {
    return {
      message:
        `no member of the replica set "${client.options.replicaSet}" answers at ${address}: check ?replicaSet=, and ` +
        'that mongod runs with --replSet',
      retryable: false,
    };
  }
  const why = servers.find(({ error }) => error !== null)?.error?.message ?? message;
  return {
    message: `nothing answers as MongoDB at ${address} ${within} (${why}): check the address and that it can be reached`,
    retryable: true,
  };
}

function isReached({ type }: ServerDescription): boolean {
  return type !== 'Unknown';
}
