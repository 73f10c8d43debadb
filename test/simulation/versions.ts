import { stateVersionOf } from '../../server/src/core/execution.js';
import { parseState, type StateDocument } from '../../server/src/core/state-document.js';
import type { StepRecord } from '../../server/src/core/step.js';
import type { ExecutionWrite } from '../../server/src/store/store.js';

/** The code that a worker has. */
export interface Build {
  /** Of the state's form: code of version 1 writes its lines into `log`, that of version 2 into `lines`. */
  readonly stateVersion: 1 | 2;
  /** Whether its migration throws. */
  readonly isBroken: boolean;
}

/** What everybody begins with. */
export const FIRST_BUILD: Build = { stateVersion: 1, isBroken: false };

/** What every execution begins with: lines that its code writes, in either form, and those that operators add. */
export const INITIAL_STATE = '{"log":[],"lines":[],"repairs":[]}';

interface SimulatedState {
  readonly log: readonly string[];
  readonly lines: readonly string[];
  readonly repairs: readonly string[];
}

/** What the code wrote into a state of a version. @throws Error if there is something in the other form, too. */
export function linesOf(state: string, version: number): readonly string[] {
  const { log, lines } = JSON.parse(state) as SimulatedState;
  const [own, other] = version === 2 ? [lines, log] : [log, lines];
  if (other.length > 0) throw new Error(`a state of version ${version} is ${state}`);
  return own;
}

/** Where the code of a version adds a line. */
export function placeOfLines(version: number): string {
  return version === 2 ? '/lines/-' : '/log/-';
}

/** A state of version 1 in the form of version 2. */
export function migrated(state: string): StateDocument {
  const { log, repairs } = JSON.parse(state) as SimulatedState;
  const parsed = parseState(JSON.stringify({ log: [], lines: log, repairs }));
  if ('problem' in parsed) throw new Error('a migrated state that the core refuses');
  return parsed.document;
}

/** Sees to it that no worker gets what is too new for its code, and that each migration happens once and stays what it was. */
export class VersionWatch {
  /** Executions that were parked, each time. */
  parked = 0;
  private readonly builds = new Map<string, Build>();
  /** The document that an execution was migrated to, by the execution's id. */
  private readonly documents = new Map<string, string>();
  private readonly violated: (what: string) => void;

  constructor(violated: (what: string) => void) {
    this.violated = violated;
  }

  /** Executions that were migrated. */
  get migrations(): number {
    return this.documents.size;
  }

  /** A worker of this build has this id. */
  registered(workerId: string, build: Build): void {
    this.builds.set(workerId, build);
  }

  /** Notes what the store holds now. */
  committed({ execution, before, entry }: ExecutionWrite): void {
    const { id, lease, pausedFor } = execution;
    const version = stateVersionOf(execution) ?? 1;
    const holder = this.builds.get(lease?.workerId ?? '');
    if (holder && holder.stateVersion < version) {
      this.violated(`${id} is of version ${version}, and a worker of version ${holder.stateVersion} has it`);
    }
    if (before && (stateVersionOf(before) ?? 1) > version) this.violated(`${id} went back to ${version}`);
    const isMigration = entry?.events.some(({ type }) => type === 'state_migration') === true;
    if (isMigration && this.documents.has(id)) this.violated(`${id} was migrated twice`);
    if (isMigration) this.documents.set(id, JSON.stringify(entry.patch));
    if (pausedFor !== 'state_misfit' || before?.pausedFor === 'state_misfit') return;
    this.parked += 1;
    if (entry?.patch || execution.stateRevision !== before?.stateRevision) {
      this.violated(`${id} was parked, and its state changed`);
    }
  }

  /**
   * Checks what a worker is sent of an execution that it was given in this version: its migration, if there was one, as it
   * was then. A worker that is late may find a migration that another one made since.
   */
  checkReplay(executionId: string, version: number, steps: Iterable<StepRecord>): void {
    const sent = [...steps]
      .filter(({ kind }) => kind === 'state_migration')
      .map(({ statePatch = 'null' }) => JSON.stringify(JSON.parse(statePatch)));
    const document = this.documents.get(executionId);
    const expected = document === undefined ? [] : [document];
    if (version === 1 && sent.length === 0) return;
    if (JSON.stringify(sent) !== JSON.stringify(expected)) {
      this.violated(`${executionId} was migrated to ${expected}, and a worker is sent ${sent}`);
    }
  }
}
