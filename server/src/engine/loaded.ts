import type { Execution } from '../core/execution.js';
import { type JournalEntry, lastEvent } from '../core/journal.js';
import { payloadBytes } from '../core/payload.js';
import type { IndexedField, SearchTerm } from '../core/search-term.js';
import type { StateDocument } from '../core/state-document.js';
import { StepRecords } from '../core/step-records.js';
import type { Store } from '../store/store.js';
import type { ExecutionInput } from './api.js';
import { journalPage, readJournal } from './journal-reads.js';

/** An execution in memory. `input` and `steps` are read when first needed, and then kept up to date. */
export interface Loaded {
  execution: Execution;
  state: StateDocument;
  input: ExecutionInput | undefined;
  steps: StepRecords | undefined;
  /** By what the store finds it. */
  terms: readonly SearchTerm[];
  /** What those were made of; missing where nobody knows, because another process may have made them. */
  termsOf: TermsSource | undefined;
  /** What an earlier version of it had read already. */
  earlier: EarlierSteps | undefined;
  /** About how many bytes it takes. */
  cost: number;
  /** As how many bytes the cache counts it; 0 while it is in none. */
  counted: number;
}

/** What terms are made of, the execution's search attributes aside, which never change. */
export interface TermsSource {
  readonly state: StateDocument;
  readonly fields: readonly IndexedField[];
}

/** The steps as the journal's first entries make them; the later ones add to them. */
interface EarlierSteps {
  readonly steps: StepRecords;
  /** The last event of those entries. */
  upTo: number;
}

/** What an execution takes in memory besides its state, payload and steps. */
const BASE_COST = 2_048;

/** A fresh execution: there is nothing to read. */
export function loadedAtCreation(execution: Execution, state: StateDocument, entry: JournalEntry): Loaded {
  const input = entry.input ?? {};
  const cost = BASE_COST + state.bytes + payloadBytes(input.payload);
  const nothing = { terms: [], termsOf: undefined, earlier: undefined };
  return { execution, state, input, steps: new StepRecords(), ...nothing, cost, counted: 0 };
}

/**
 * An execution as the store holds it.
 * @param kept  an earlier version of it, of which all is taken over that cannot have changed.
 */
export function loadedFromStore(execution: Execution, state: StateDocument, kept?: Loaded): Loaded {
  const input = kept?.input;
  const earlier = kept && earlierOf(kept, execution);
  const cost = BASE_COST + state.bytes + payloadBytes(input?.payload) + (earlier?.steps.bytes ?? 0);
  const nothing = { steps: undefined, terms: [], termsOf: undefined };
  return { execution, state, input, ...nothing, earlier, cost, counted: 0 };
}

/** Reads the payload and the initial state, unless they are there. */
export async function inputOf(loaded: Loaded, store: Store): Promise<ExecutionInput> {
  if (loaded.input) return loaded.input;
  const [first] = await journalPage(store, loaded.execution, { afterEvent: 0, entries: 1, bytes: 1 });
  loaded.input = first?.input ?? {};
  loaded.cost += payloadBytes(loaded.input.payload);
  return loaded.input;
}

/** Reads the steps, unless they are there: those of the version that is loaded, whatever others committed since. */
export async function stepsOf(loaded: Loaded, store: Store): Promise<StepRecords> {
  if (loaded.steps) return loaded.steps;
  const { execution, earlier = { steps: new StepRecords(), upTo: 0 } } = loaded;
  for await (const entry of readJournal(store, execution, earlier.upTo)) {
    if (entry.firstEvent > execution.eventCount) break;
    addEntry(loaded, earlier.steps, entry);
    // At once: an entry that is added twice, after a read that failed, would spoil them.
    earlier.upTo = lastEvent(entry);
  }
  loaded.steps = earlier.steps;
  loaded.earlier = undefined;
  return loaded.steps;
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
  addEntry(loaded, loaded.steps, entry);
}

/** Takes over by what the store finds an execution. */
export function setTerms(loaded: Loaded, terms: readonly SearchTerm[], termsOf?: TermsSource): void {
  loaded.cost += lengthOf(terms) - lengthOf(loaded.terms);
  loaded.terms = terms;
  loaded.termsOf = termsOf;
}

function lengthOf(terms: readonly SearchTerm[]): number {
  return terms.reduce((length, term) => length + term.length, 0);
}

function earlierOf(kept: Loaded, execution: Execution): EarlierSteps | undefined {
  if (!kept.steps) return kept.earlier;
  if (kept.execution.eventCount > execution.eventCount) return undefined;
  return { steps: kept.steps, upTo: kept.execution.eventCount };
}

function addEntry(loaded: Loaded, steps: StepRecords, entry: JournalEntry): void {
  const bytesBefore = steps.bytes;
  steps.add(entry);
  loaded.cost += steps.bytes - bytesBefore;
}
