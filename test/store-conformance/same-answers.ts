import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InOrder } from '../../server/src/store/in-order.js';
import { openMemoryStore } from '../../server/src/store/memory/memory-store.js';
import type { Store } from '../../server/src/store/store.js';
import { type Current, currentOf, run } from './command-run.js';
import { readCommand, removalCommand, type StoreCommand, writeCommand } from './command-stream.js';
import type { StoreUnderTest } from './describe-store.js';

/**
 * Writes that are asked for at once, then removals, then reads; and whether the embedded store is opened anew before. A read
 * that is asked for beside a write may see it or not, so no two stores need agree on that.
 */
interface Moment {
  readonly reopens: boolean;
  readonly writes: readonly StoreCommand[];
  readonly removals: readonly StoreCommand[];
  readonly reads: readonly StoreCommand[];
}

const moment: fc.Arbitrary<Moment> = fc.record({
  reopens: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  writes: fc.array(writeCommand, { maxLength: 8 }),
  removals: fc.array(removalCommand, { maxLength: 2 }),
  reads: fc.array(readCommand, { maxLength: 4 }),
});

/** Holds an adapter to the answers of the memory store. Each run of the property opens a store of its own. */
export function describeSameAnswers(name: string, underTest: StoreUnderTest): void {
  /** Every kind of command, and every outcome of a commit, that some run has seen. */
  const seen = new Set<string>();

  test(`one random stream of commands gets the same answers from the ${name} store and from memory`, async () => {
    const moments = fc.array(moment, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(moments, (given) => compare(given, underTest, seen)),
      { numRuns: RUNS },
    );
    const outcomes = ['commit', 'commit_record'].flatMap((type) => [`${type} committed`, `${type} conflict`]);
    expect([...seen]).toEqual(expect.arrayContaining([...outcomes, ...READS.map((type) => `${type} found`)]));
  }, 120_000);
}

/** Enough to see every answer in `READS` many times over. */
const RUNS = 80;

const READS = [
  ...[
    'load',
    'journal',
    'list_ready',
    'list_due',
    'list_outboxes',
    'list_waiting',
    'list',
    'search',
    'list_schemas',
  ],
  ...['load_record', 'list_records', 'list_due_records', 'list_closed'],
  ...['list_projects', 'list_groups'],
];

async function compare(
  moments: readonly Moment[],
  underTest: StoreUnderTest,
  seen: Set<string>,
): Promise<void> {
  const memory = openMemoryStore();
  let other = await underTest.open();
  try {
    for (const { reopens, writes, removals, reads } of moments) {
      if (reopens && underTest.reopen) other = await underTest.reopen(other);
      for (const commands of [writes, removals, reads]) {
        const currents = await Promise.all(commands.map((command) => currentOf(memory, command)));
        const answers = await ask(memory, commands, currents);
        expect(await ask(other, commands, currents)).toEqual(answers);
        remember(seen, commands, answers);
      }
    }
  } finally {
    await other.close();
  }
}

/** All at once, but for records of one group: of those that want one alias at the same time, any may get it. */
function ask(
  store: Store,
  commands: readonly StoreCommand[],
  currents: readonly Current[],
): Promise<readonly unknown[]> {
  const records = new InOrder();
  return Promise.all(
    commands.map((command, index) => {
      const answer = () => run(store, command, currents[index] ?? {}).catch(String);
      return command.type === 'commit_record' ? records.run(command.group, answer) : answer();
    }),
  );
}

function remember(seen: Set<string>, commands: readonly StoreCommand[], answers: readonly unknown[]): void {
  for (const [index, { type }] of commands.entries()) {
    const answer = answers[index];
    const isEmpty = answer === undefined || (Array.isArray(answer) && answer.length === 0);
    if (type === 'commit' || type === 'commit_record') seen.add(`${type} ${answer}`);
    else seen.add(isEmpty ? type : `${type} found`);
  }
}
