import { AsyncLocalStorage } from 'node:async_hooks';
import type { StateDocument, StateDraft } from './state/state-document.js';

/** One attempt of a step's function: its key, and its copy of the state once it has asked for it. */
export class StepScope {
  readonly key: string;
  readonly #document: StateDocument;
  #draft: StateDraft | undefined;

  constructor(key: string, document: StateDocument) {
    this.key = key;
    this.#document = document;
  }

  /** The copy, if the function has used the state. */
  get usedDraft(): StateDraft | undefined {
    return this.#draft;
  }

  /** The copy that the function works on; made at first use. */
  get draft(): StateDraft {
    this.#draft ??= this.#document.draft();
    return this.#draft;
  }
}

/** Where the running code belongs: to a handler, and perhaps to the function of one of its steps. */
export interface Scope {
  readonly executionId: string;
  readonly step?: StepScope;
}

/** The scope of the running code. Undefined outside of workflows. */
export const currentScope = new AsyncLocalStorage<Scope>();

/**
 * Refuses what must not be done inside a workflow, because a replay would do it again.
 * @throws Error naming the step method to use instead.
 */
export function assertOutsideWorkflow(what: string, instead: string): void {
  if (currentScope.getStore() === undefined) return;
  throw new Error(`${what} cannot be called from within a workflow. Use ${instead} instead.`);
}
