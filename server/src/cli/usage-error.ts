/** The exit statuses of every command; scripts rely on them. */
export const ExitStatus = { done: 0, failed: 1, usage: 2 } as const;

/** One of them. */
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** The command line asks for something that cannot be meant. Nothing was done; the exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command could not do what it was asked. The message has all that there is to say; the exit status is 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
