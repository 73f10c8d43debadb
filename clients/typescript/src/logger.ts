/** Where the SDK reports what nobody asked for: lost connections, refused executions. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/**
 * A logger that writes lines to standard error.
 * @param level the least important level that is written, or "silent". Default: POLOS_LOG_LEVEL, else "info".
 */
export function createLogger(level: string | undefined = process.env.POLOS_LOG_LEVEL): Logger {
  const known = LEVELS.indexOf((level ?? 'info').toLowerCase() as (typeof LEVELS)[number]);
  const least = known < 0 ? 1 : known;
  const write = (rank: number) => (message: string) => {
    if (rank >= least)
      process.stderr.write(`${new Date().toISOString()} ${LEVELS[rank]} polos: ${message}\n`);
  };
  return { debug: write(0), info: write(1), warn: write(2), error: write(3) };
}
