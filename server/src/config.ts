import { z } from 'zod';

const DAYS_MAX = 36_500;

/** How many days something is kept; `never` says that it is never deleted. */
export interface RetentionDays {
  /** Of projects that are not named. */
  readonly others: number | 'never';
  readonly projects: ReadonlyMap<string, number | 'never'>;
}

/** `30`, or `30,projectA=7,projectB=never`. */
const retentionDays = z.string().transform((text, { addIssue }): RetentionDays => {
  const projects = new Map<string, number | 'never'>();
  let others: number | 'never' | undefined;
  for (const item of text.split(',')) {
    const [, project, amount = ''] = /^(?:([\w.-]+)=)?(\d+|never)$/.exec(item.trim()) ?? [];
    const days = amount === 'never' ? amount : Number(amount);
    if (days !== 'never' && !(days >= 1 && days <= DAYS_MAX)) {
      addIssue(
        `"${item}" should be a number of days from 1 to ${DAYS_MAX}, or never, or either for one PROJECT=`,
      );
    } else if (project === undefined ? others !== undefined : projects.has(project)) {
      addIssue(`"${item}" says for the second time how long ${project ?? 'others'} is kept`);
    } else if (project === undefined) others = days;
    else projects.set(project, days);
  }
  return { others: others ?? 'never', projects };
});

/** How a server is set up. Every value can be given on the command line; the environment fills in some (ENVIRONMENT). */
export const serverConfigSchema = z
  .object({
    /** `embedded` keeps everything in one directory. Default: `mongodb` if there is its URL and no `dataDir`. */
    store: z.enum(['embedded', 'mongodb']).optional(),
    /** The embedded store's directory, made if it is missing. Default: `.polos`. */
    dataDir: z.string().min(1).optional(),
    /** The MongoDB, and as its path the database; needed by that store. */
    mongodbUrl: z.string().min(1).optional(),
    /** Days that executions are kept after they closed: `30`, or `30,projectA=7,projectB=never`. Default: for ever. */
    retentionDays: retentionDays.optional(),
    /** Days that events of topics are kept after they were published, in the same form. Default: for ever. */
    topicRetentionDays: retentionDays.optional(),
    /** The address to listen on. Beyond loopback, set an API key. */
    host: z.string().min(1).default('127.0.0.1'),
    /** 0 picks a free port. */
    port: z.number().int().min(0).max(65_535).default(8080),
    /** How long a lease lasts without a sign of life, in milliseconds: 500 to 3,600,000. */
    leaseMs: z.number().int().min(500).max(3_600_000).default(30_000),
    /** Keys of which a caller must send one; none leaves the server open to whoever reaches it. */
    apiKeys: z.array(z.string().min(1)).default([]),
    /** How long calls may go on after the server was asked to stop, in milliseconds. */
    drainMs: z.number().int().min(0).default(10_000),
    logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  })
  .transform(({ store, dataDir, mongodbUrl, ...config }, { addIssue }) => {
    const refuse = (path: keyof ServerOptions, message: string) =>
      addIssue({ code: 'custom', path: [path], message });
    if (store === 'mongodb' || (store === undefined && mongodbUrl !== undefined)) {
      if (dataDir !== undefined) refuse('dataDir', 'it is for the embedded store');
      if (mongodbUrl !== undefined) {
        return { ...config, storage: { store: 'mongodb', url: mongodbUrl } as const };
      }
      refuse('mongodbUrl', 'the MongoDB store needs it; POLOS_MONGODB_URL will do, too');
      return z.NEVER;
    }
    if (mongodbUrl !== undefined) refuse('mongodbUrl', 'it is for the MongoDB store');
    return { ...config, storage: { store: 'embedded', dataDir: dataDir ?? '.polos' } as const };
  });

/** A complete configuration. */
export type ServerConfig = z.output<typeof serverConfigSchema>;

/** What a caller gives: all that differs from the defaults. */
export type ServerOptions = z.input<typeof serverConfigSchema>;

/** The variables that stand in for options that were not given. */
export const ENVIRONMENT = {
  apiKeys: 'POLOS_API_KEYS',
  logLevel: 'POLOS_LOG_LEVEL',
  mongodbUrl: 'POLOS_MONGODB_URL',
  retentionDays: 'POLOS_RETENTION_DAYS',
  topicRetentionDays: 'POLOS_TOPIC_RETENTION_DAYS',
} as const satisfies Partial<Record<keyof ServerOptions, string>>;

/** Adds defaults and what the environment says, but no POLOS_MONGODB_URL for options that ask for the embedded store. */
export function readConfig(options: ServerOptions, env: NodeJS.ProcessEnv = process.env): ServerConfig {
  const said = Object.entries(ENVIRONMENT).flatMap(([name, variable]) => {
    const value = env[variable];
    if (value === undefined || value === '') return [];
    return [[name, name === 'apiKeys' ? value.split(',').filter((key) => key !== '') : value]];
  });
  const fromEnvironment = Object.fromEntries(said);
  const isEmbedded =
    options.store === undefined ? options.dataDir !== undefined : options.store === 'embedded';
  if (isEmbedded) delete fromEnvironment.mongodbUrl;
  return serverConfigSchema.parse({ ...fromEnvironment, ...options });
}
