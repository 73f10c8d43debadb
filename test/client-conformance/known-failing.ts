import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { StoreName } from './stage.js';

const entry = z.strictObject({
  scenario: z.string(),
  /** The column of the matrix: a language, or how languages are mixed. */
  cast: z.string(),
  /** Default: on both. */
  store: z.enum(['embedded', 'mongodb']).optional(),
  reason: z.string().min(10),
});

/** A scenario that fails and is known to. It fails the run as soon as it passes. */
export type KnownFailure = z.output<typeof entry>;

/** What is known to fail, and why. */
export function readKnownFailures(): readonly KnownFailure[] {
  const text = readFileSync(join(import.meta.dirname, 'known-failing.yaml'), 'utf8');
  return z.array(entry).parse(parse(text, { merge: true }) ?? []);
}

/** The entry for a scenario with a cast on a store. */
export function findKnownFailure(
  failures: readonly KnownFailure[],
  { scenario, cast, store }: { readonly scenario: string; readonly cast: string; readonly store: StoreName },
): KnownFailure | undefined {
  return failures.find(
    (each) =>
      each.scenario === scenario && each.cast === cast && (each.store === undefined || each.store === store),
  );
}
