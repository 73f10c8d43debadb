import picocolors from 'picocolors';

/** Makes texts bold, dim or coloured, or leaves them as they are where nobody would see it. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** What a command prints to: answers go to stdout, remarks and errors to stderr, so that an answer can be piped. */
export interface Terminal {
  /** Prints a line, or several, on stdout. */
  answer(text: string): void;
  /** Prints a line, or several, on stderr. */
  remark(text: string): void;
  /** Colours for stdout. */
  readonly colors: Colors;
  /** Colours for stderr. */
  readonly remarkColors: Colors;
  /** Columns of stdout; undefined where lines may be of any length. */
  readonly width: number | undefined;
}

/** The process's own streams. Coloured only for people: NO_COLOR and FORCE_COLOR (https://no-color.org) decide otherwise. */
export function processTerminal(): Terminal {
  process.stdout.on('error', exitOnClosedPipe);
  process.stderr.on('error', exitOnClosedPipe);
  return {
    answer: (text) => process.stdout.write(`${text}\n`),
    remark: (text) => process.stderr.write(`${text}\n`),
    colors: picocolors.createColors(isColored(process.stdout)),
    remarkColors: picocolors.createColors(isColored(process.stderr)),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
}

/**
 * Makes text that others wrote safe for a terminal: control characters, which could move the cursor or hide text, become
 * visible. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** picocolors alone would colour pipes under CI. */
function isColored({ isTTY }: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0';
  return isTTY === true && TERM !== 'dumb';
}

/** Whoever read the output (`head`, a pager) has seen enough: that is no failure. */
function exitOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
