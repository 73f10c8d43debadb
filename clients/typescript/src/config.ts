/** Where a server is and as whom to call it. Every field may be left out against a local server. */
export interface PolosClientConfig {
  /** `http://HOST[:PORT]` or `https://...`. Default: the environment's POLOS_API_URL, else `http://localhost:8080`. */
  readonly apiUrl?: string | undefined;
  /** Default: the environment's POLOS_API_KEY, else none. */
  readonly apiKey?: string | undefined;
  /** The project that everything happens in. Default: the environment's POLOS_PROJECT_ID, else `default`. */
  readonly projectId?: string | undefined;
  /** The deployment that invocations are meant for and workers belong to. Default: POLOS_DEPLOYMENT_ID, else none. */
  readonly deploymentId?: string | undefined;
  /** How many executions a worker takes at once, 1 to 10,000. Default: POLOS_MAX_CONCURRENT_WORKFLOWS, else 100. */
  readonly maxConcurrentWorkflows?: number | undefined;
}

/** A configuration with every default filled in. */
export interface PolosConnection {
  readonly apiUrl: string;
  readonly apiKey: string | undefined;
  readonly projectId: string;
  readonly deploymentId: string | undefined;
  readonly maxConcurrentWorkflows: number;
}

/**
 * Fills in what a configuration leaves out, from the environment and then from the defaults. An empty variable counts as
 * one that is not set.
 * @throws RangeError for a number of concurrent workflows that is no integer from 1 to 10,000.
 */
export function resolveConfig(config: PolosClientConfig, environment = process.env): PolosConnection {
  const maximum =
    config.maxConcurrentWorkflows ?? Number(environment.POLOS_MAX_CONCURRENT_WORKFLOWS || '100');
  if (!Number.isInteger(maximum) || maximum < 1 || maximum > 10_000) {
    throw new RangeError('maxConcurrentWorkflows must be an integer from 1 to 10,000');
  }
  return {
    apiUrl: config.apiUrl ?? (environment.POLOS_API_URL || 'http://localhost:8080'),
    apiKey: config.apiKey ?? (environment.POLOS_API_KEY || undefined),
    projectId: config.projectId ?? (environment.POLOS_PROJECT_ID || 'default'),
    deploymentId: config.deploymentId ?? (environment.POLOS_DEPLOYMENT_ID || undefined),
    maxConcurrentWorkflows: maximum,
  };
}
