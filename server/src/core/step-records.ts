import { utf8Bytes } from './json.js';
import type { Payload } from './payload.js';
import {
  inOrder,
  recordAfter,
  type StepEntry,
  type StepFact,
  type StepOutcome,
  type StepRecord,
} from './step.js';

/** What a child of a batch takes in memory besides its outcome. */
const CHILD_BYTES = 256;

/**
 * An execution's steps as its facts so far add up, in the order of replay. What one more fact costs, and what one page
 * costs, does not depend on how many steps there are.
 */
export class StepRecords {
  private readonly byKey = new Map<string, StepRecord>();
  /** Those with a sequence, at the place before it. */
  private readonly numbered: StepRecord[] = [];
  /** Those without one, in the order in which they began. */
  private readonly others = new Map<string, StepRecord>();
  private bytesSoFar = 0;

  /** About how many bytes all of them take in memory. */
  get bytes(): number {
    return this.bytesSoFar;
  }

  /** How many steps there are, changes of the state among them. */
  get size(): number {
    return this.numbered.length + this.others.size;
  }

  get(key: string): StepRecord | undefined {
    return this.byKey.get(key);
  }

  /** Adds the facts of a journal entry, in the order in which they were committed. */
  add(entry: StepEntry): void {
    for (const fact of entry.steps) {
      const before = this.byKey.get(fact.key);
      const after = recordAfter(before, fact, entry);
      this.bytesSoFar += bytesAdded(before, fact, after);
      this.put(after);
    }
  }

  /** The steps from a place of the order on. */
  *from(place: number): Generator<StepRecord> {
    const { numbered, others } = this;
    for (let index = place; index < numbered.length; index++) yield numbered[index] as StepRecord;
    const rest = inOrder(others.values());
    for (let index = Math.max(0, place - numbered.length); index < rest.length; index++) {
      yield rest[index] as StepRecord;
    }
  }

  private put(record: StepRecord): void {
    const { key, sequence } = record;
    // Changes of the state have none.
    if (key !== '') this.byKey.set(key, record);
    if (sequence === 0) {
      this.others.set(key, record);
    } else {
      this.others.delete(key);
      this.numbered[sequence - 1] = record;
    }
  }
}

/** About how many bytes a step takes on the wire. */
export function stepBytes({ key, outcome, attempts, statePatch = '' }: StepRecord): number {
  return 128 + utf8Bytes(key) + outcomeBytes(outcome) + attempts.length * 32 + utf8Bytes(statePatch);
}

/** Bytes of a payload on the wire. */
export function wireBytes(payload: Payload | undefined): number {
  if (!payload) return 0;
  return 'json' in payload ? utf8Bytes(payload.json) : payload.data.length;
}

function outcomeBytes(outcome: StepOutcome | undefined): number {
  if (outcome?.type === 'completed') return wireBytes(outcome.result);
  const { message = '', stack = '' } = outcome?.failure ?? {};
  return utf8Bytes(message) + utf8Bytes(stack);
}

function bytesAdded(before: StepRecord | undefined, fact: StepFact, after: StepRecord): number {
  // The children are not in the step's own bytes: to add them up for each would be as many times as there are.
  if (fact.type === 'child_closed') return outcomeBytes(fact.outcome);
  const children = 'children' in fact ? (fact.children?.length ?? 0) * CHILD_BYTES : 0;
  return stepBytes(after) - (before ? stepBytes(before) : 0) + children;
}
