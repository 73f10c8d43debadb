import { EXECUTION_STATUSES, type Execution, isFinal } from '../core/execution.js';
import type { JsonObject } from '../core/json.js';
import { withDefaults } from '../core/schema/defaults.js';
import type { SchemaDocument } from '../core/schema/schema-document.js';
import type { Store } from '../store/store.js';
import { compareText } from '../store/text-order.js';
import type { Clock } from './clock.js';
import type { Usable } from './schema-checker.js';
import type { BreakingExecution, LivePlace, LiveStates } from './schema-view.js';

/** A schema that states are checked against, and whose executions'. */
export interface LiveQuestion {
  readonly projectId: string;
  readonly workflowId: string;
  readonly document: SchemaDocument;
  readonly usable: Extract<Usable, { check: unknown }>;
  /** The version of the state's form that the schema describes; missing for any. Earlier states will be migrated. */
  readonly stateVersion?: number | undefined;
}

/** How far to look. At least one execution is looked at. */
export interface LiveBounds {
  readonly after?: LivePlace;
  /** Executions at most. */
  readonly limit: number;
  /** Until when, by the server's clock. */
  readonly until: number;
  /** Executions to name, of those that do not fit. */
  readonly named: number;
}

/** What was found, and where to go on; `next` is missing at the end. */
export interface LiveFound extends LiveStates {
  readonly next?: LivePlace;
}

const LIVE = EXECUTION_STATUSES.filter((status) => !isFinal(status));

/** Executions that are listed at once, and read at once. */
const LISTED = 100;
const READ = 16;

/** Bytes of states that are read at once. */
const READ_BYTES = 262_144;

/** How long this may go on without letting others take their turns, in milliseconds. */
const SLICE_MS = 5;

/**
 * Checks the states of executions that are not final, newest first, in slices between which the server does other things.
 * One that changes its status at the very moment it is listed may be left out.
 */
export class LiveStateScan {
  private readonly store: Store;
  private readonly clock: Clock;
  private sliceStart = performance.now();
  private checked = 0;
  private breaking = 0;
  private unchecked = 0;
  private readonly named: BreakingExecution[] = [];

  private constructor(store: Store, clock: Clock) {
    this.store = store;
    this.clock = clock;
  }

  static run(
    { store, clock }: { readonly store: Store; readonly clock: Clock },
    question: LiveQuestion,
    bounds: LiveBounds,
  ): Promise<LiveFound> {
    return new LiveStateScan(store, clock).run(question, bounds);
  }

  private async run(question: LiveQuestion, bounds: LiveBounds): Promise<LiveFound> {
    let after = bounds.after;
    for (;;) {
      const limit = Math.min(LISTED, bounds.limit - this.checked);
      const listed = await this.list(question, limit, after);
      for (const group of grouped(listed)) {
        await this.check(question, group, bounds.named);
        after = group.at(-1) ?? after;
        if (this.clock.now() >= bounds.until) break;
      }
      const isEnd = listed.length < limit && (listed.length === 0 || after?.id === listed.at(-1)?.id);
      if (isEnd) return { ...this.found(), complete: true };
      if (this.checked >= bounds.limit || this.clock.now() >= bounds.until) {
        return {
          ...this.found(),
          complete: false,
          ...(after && { next: { createdAt: after.createdAt, id: after.id } }),
        };
      }
    }
  }

  private found(): Omit<LiveStates, 'complete'> {
    const { checked, breaking, unchecked, named } = this;
    return { checked, breaking, unchecked, breakingExecutions: named };
  }

  /** Executions that are not final, after a place, newest first. Each status has an index of its own. */
  private async list(
    { projectId, workflowId }: LiveQuestion,
    limit: number,
    after: LivePlace | undefined,
  ): Promise<readonly Execution[]> {
    const query = { projectId, workflowId, limit, ...(after && { after }) };
    const lists = await Promise.all(LIVE.map((status) => this.store.list({ ...query, status })));
    // One that changed its status between two lists is in both.
    const byId = new Map(lists.flat().map((execution) => [execution.id, execution]));
    return [...byId.values()]
      .sort((a, b) => b.createdAt - a.createdAt || compareText(b.id, a.id))
      .slice(0, limit);
  }

  private async check(question: LiveQuestion, group: readonly Execution[], named: number): Promise<void> {
    const stored = await Promise.all(group.map(({ id }) => this.store.load(id)));
    for (const each of stored) {
      if (!each || isFinal(each.execution.status)) continue;
      await this.checkOne(question, each.execution, each.state, named);
      if (performance.now() - this.sliceStart < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      this.sliceStart = performance.now();
    }
  }

  private async checkOne(
    { document, usable, stateVersion = 1 }: LiveQuestion,
    { id, status, stateRevision, stateVersion: ownVersion = 1 }: Execution,
    state: JsonObject,
    named: number,
  ): Promise<void> {
    if (ownVersion < stateVersion) return;
    this.checked += 1;
    let result = await usable.check(state);
    if ('issues' in result && result.issues.length > 0) {
      const filled = withDefaults(document, state);
      if (filled !== state) result = await usable.check(filled);
    }
    if ('unchecked' in result) this.unchecked += 1;
    else if (result.issues.length > 0) {
      this.breaking += 1;
      const { issues } = result;
      if (this.named.length < named) this.named.push({ executionId: id, status, stateRevision, issues });
    }
  }
}

/** Executions whose states are read at once: few enough, and not too large together. */
function grouped(executions: readonly Execution[]): Execution[][] {
  const groups: Execution[][] = [];
  let bytes = 0;
  for (const execution of executions) {
    const group = groups.at(-1);
    bytes += execution.stateBytes;
    if (group && group.length < READ && bytes <= READ_BYTES) group.push(execution);
    else {
      groups.push([execution]);
      bytes = execution.stateBytes;
    }
  }
  return groups;
}
