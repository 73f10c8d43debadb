import type { Execution } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';
import { payloadBytes } from '../core/payload.js';
import type { StateDocument } from '../core/state-document.js';
import { addFacts, type StepRecord } from '../core/step.js';
import type { Store } from '../store/store.js';
import type { ExecutionInput } from './api.js';

/** An execution in memory. `input` and `steps` are read when first needed, and then kept up to date. */
export interface Loaded {
  execution: Execution;
  state: StateDocument;
  input: ExecutionInput | undefined;
  steps: Map<string, StepRecord> | undefined;
  /** About how many bytes it takes. */
  cost: number;
  /** As how many bytes the cache counts it; 0 while it is in none. */
  counted: number;
}

/** Entries and bytes that one read of the journal asks for. */
const PAGE = { entries: 1_000, bytes: 4_194_304 };

/** What an execution takes in memory besides its state, payload and steps. */
const BASE_COST = 2_048;

/** A fresh execution: there is nothing to read. */
export function loadedAtCreation(execution: Execution, state: StateDocument, entry: JournalEntry): Loaded {
  const input = entry.input ?? {};
  const cost = BASE_COST + state.bytes + payloadBytes(input.payload);
  return { execution, state, input, steps: new Map(), cost, counted: 0 };
}

/** An execution as the store holds it. */
export function loadedFromStore(execution: Execution, state: StateDocument): Loaded {
  return { execution, state, input: undefined, steps: undefined, cost: BASE_COST + state.bytes, counted: 0 };
}

/** Reads the payload and the initial state, unless they are there. */
export async function inputOf(loaded: Loaded, store: Store): Promise<ExecutionInput> {
  if (loaded.input) return loaded.input;
  const [first] = await store.journal(loaded.execution.id, { afterEvent: 0, entries: 1, bytes: 1 });
  loaded.input = first?.input ?? {};
  loaded.cost += payloadBytes(loaded.input.payload);
  return loaded.input;
}

/** Reads the steps, unless they are there: those of the version that is loaded, whatever others committed since. */
export async function stepsOf(loaded: Loaded, store: Store): Promise<Map<string, StepRecord>> {
  if (loaded.steps) return loaded.steps;
  const steps = new Map<string, StepRecord>();
  for await (const entry of readJournal(store, loaded.execution.id)) {
    if (entry.firstEvent > loaded.execution.eventCount) break;
    addFacts(steps, entry.steps, entry.at);
  }
  loaded.steps = steps;
  for (const step of steps.values()) loaded.cost += stepBytes(step);
  return steps;
}

/** Takes over what was committed. */
export function advance(
  loaded: Loaded,
  execution: Execution,
  state: StateDocument,
  entry?: JournalEntry,
): void {
  loaded.cost += state.bytes - loaded.state.bytes;
  loaded.execution = execution;
  loaded.state = state;
  if (!entry || !loaded.steps) return;
  addFacts(loaded.steps, entry.steps, entry.at);
  for (const { key } of entry.steps) {
    const step = loaded.steps.get(key);
    if (step) loaded.cost += stepBytes(step);
  }
}

/** All entries of an execution's journal, oldest first, read page by page. */
export async function* readJournal(store: Store, executionId: string): AsyncGenerator<JournalEntry> {
  let afterEvent = 0;
  for (;;) {
    const entries = await store.journal(executionId, { afterEvent, ...PAGE });
    if (entries.length === 0) return;
    for (const entry of entries) {
      yield entry;
      afterEvent = entry.firstEvent + entry.events.length - 1;
    }
  }
}

/** About how many bytes a step takes, in memory and on the wire. */
export function stepBytes({ key, outcome, attempts, statePatch }: StepRecord): number {
  const result =
    outcome?.type === 'completed' ? payloadBytes(outcome.result) : (outcome?.failure.stack?.length ?? 0);
  return 128 + key.length + result + attempts.length * 32 + (statePatch?.length ?? 0);
}
