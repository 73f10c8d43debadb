import { z } from 'zod';

/** How a server is set up. Every value can be given on the command line; the environment fills in the API keys. */
export const serverConfigSchema = z.object({
  /** `embedded` keeps everything in one directory. `mongodb` is declared for later. */
  store: z.enum(['embedded', 'mongodb']).default('embedded'),
  /** The embedded store's directory, made if it is missing. */
  dataDir: z.string().min(1).default('.polos'),
  mongodbUrl: z.string().optional(),
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
});

/** A complete configuration. */
export type ServerConfig = z.output<typeof serverConfigSchema>;

/** What a caller gives: all that differs from the defaults. */
export type ServerOptions = z.input<typeof serverConfigSchema>;

/** Adds defaults and what the environment says: POLOS_API_KEYS (separated by commas) and POLOS_LOG_LEVEL. */
export function readConfig(options: ServerOptions, env: NodeJS.ProcessEnv = process.env): ServerConfig {
  const apiKeys = env.POLOS_API_KEYS?.split(',').filter((key) => key !== '');
  return serverConfigSchema.parse({
    ...(apiKeys && { apiKeys }),
    ...(env.POLOS_LOG_LEVEL && { logLevel: env.POLOS_LOG_LEVEL }),
    ...options,
  });
}
