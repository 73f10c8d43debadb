import { openSync, readFileSync, writeSync } from 'node:fs';

/** What the test writes for a value that it does not know. */
const UNKNOWN = '?';

/**
 * The file in which the load's workers and the test note what they did and saw, a line in one write to its end, so that
 * the order of its lines is the order in time. programs/load-worker.mjs says what the lines are.
 */
export class LoadJournal {
  readonly path: string;
  readonly #file: number;

  /** @param path made if it is missing. */
  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a');
  }

  /** Notes that a step was seen to be durable. */
  noteAcked(executionId: string, step: string): void {
    writeSync(this.#file, `acked ${executionId} ${step} ${UNKNOWN}\n`);
  }

  /** Everything that anybody has noted so far. */
  read(): JournalReading {
    return readJournal(readFileSync(this.path, 'utf8'));
  }
}

/** What the journal says of one step of one execution. */
export interface JournaledStep {
  readonly executionId: string;
  readonly step: string;
  /** What the calls of its function returned. More than one where the outcome of an earlier one was not durable. */
  readonly bodies: readonly string[];
  /** With which values it was durable; undefined as long as it was not. */
  readonly acked: ReadonlySet<string> | undefined;
}

/** What the journal says. */
export interface JournalReading {
  /** By `stepName`. */
  readonly steps: ReadonlyMap<string, JournaledStep>;
  /** What must never happen, in words. */
  readonly violations: readonly string[];
}

/** How a step of an execution is called in a JournalReading. */
export function stepName(executionId: string, step: string): string {
  return `${executionId} ${step}`;
}

/**
 * Reads the lines. A violation is a function that began after its step was durable, a step that was durable with two
 * values, or with one that no function returned.
 */
export function readJournal(text: string): JournalReading {
  const steps = new Map<
    string,
    { executionId: string; step: string; bodies: string[]; acked?: Set<string> }
  >();
  const violations: string[] = [];
  for (const line of text.split('\n')) {
    const [what, executionId, step, value] = line.split(' ');
    if (executionId === undefined || step === undefined || value === undefined) continue;
    const name = stepName(executionId, step);
    const known = steps.get(name) ?? { executionId, step, bodies: [] };
    steps.set(name, known);
    if (what === 'body') {
      if (known.acked) violations.push(`${name}: ran again as ${value} after it was durable`);
      known.bodies.push(value);
      continue;
    }
    known.acked ??= new Set();
    if (value === UNKNOWN) continue;
    known.acked.add(value);
    if (known.acked.size > 1) violations.push(`${name}: durable as ${[...known.acked].join(' and as ')}`);
    if (!known.bodies.includes(value))
      violations.push(`${name}: durable as ${value}, which nothing returned`);
  }
  return { steps: steps as ReadonlyMap<string, JournaledStep>, violations };
}
