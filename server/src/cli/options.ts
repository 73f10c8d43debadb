import { InvalidArgumentError, Option } from 'commander';

/** `--output`, which every command that talks to the server has. */
export function outputOption(): Option {
  const description = 'text for people; json for scripts: one document, or one a line for a stream';
  return new Option('-o, --output <format>', description).choices(['text', 'json']).default('text');
}

/** Reads an option's argument as an integer within bounds, both included. */
export function parseInteger({
  from,
  to,
}: {
  readonly from: number;
  readonly to: number;
}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`It should be an integer from ${from} to ${to}.`);
  };
}

/** Reads an option's argument as text. An empty one is refused: it is an unset variable in a script, and means nothing. */
export function parseText(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It should not be empty.');
}
