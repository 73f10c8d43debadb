import { treeName } from '../core/execution.js';
import type { CommitResult, Store, StoredRecord } from '../store/store.js';
import { EngineError } from './errors.js';
import { idOfNumber } from './records.js';

/** Some events of a tree of executions with their places, decided at once. */
export interface Placement {
  /** The place of the first of the events. */
  readonly first: number;
  /** The executions that it speaks of: those whose events it places, and those that were started with these events. */
  readonly executions: readonly PlacedExecution[];
  /** In the order of their places. */
  readonly ranges: readonly EventRange[];
  /** Those that are final with these events, as indexes into `executions`. */
  readonly final: readonly number[];
}

/** An execution of a tree. */
export interface PlacedExecution {
  readonly id: string;
  readonly workflowId: string;
  /** With the events that started it: who did, as an index into `executions`. */
  readonly parent?: number;
}

/** Events of one execution that follow each other in the tree, too: numbers `from` to `to`. */
export interface EventRange {
  /** An index into `executions`. */
  readonly execution: number;
  readonly from: number;
  readonly to: number;
}

/** A placement as a record's body: short, since there is one for each few events. */
interface Body {
  readonly executions: readonly (readonly [id: string, workflowId: string, parent?: number])[];
  readonly ranges: readonly (readonly [execution: number, from: number, to: number])[];
  readonly final: readonly number[];
}

/**
 * The order of the events of a tree, as far as it is decided. A record holds one placement, and its id is the place that
 * the placement begins with: so two servers that place at once try for the same id, and a reader never sees a place before
 * all smaller ones.
 */
export class TreeLog {
  private readonly store: Store;
  private readonly rootExecutionId: string;
  private readonly group: string;

  constructor(store: Store, rootExecutionId: string) {
    this.store = store;
    this.rootExecutionId = rootExecutionId;
    this.group = treeName(rootExecutionId);
  }

  /** The place of the newest event; 0 for none. */
  async newest(): Promise<number> {
    const last = await this.holderOf(Number.MAX_SAFE_INTEGER);
    return last ? lastPlace(last) : 0;
  }

  /** The placement that holds an event's place, if that is decided. */
  async holderOf(place: number): Promise<Placement | undefined> {
    const query = { group: this.group, from: idOfNumber(place), descending: true, limit: 1 };
    const [record] = await this.store.listRecords(query);
    return record && placementOf(record);
  }

  /**
   * Placements in their order, from the one that begins with this place on.
   * @throws EngineError `not_found` if one was there and is no longer.
   */
  async read(first: number, limit: number): Promise<readonly Placement[]> {
    const records = await this.store.listRecords({ group: this.group, from: idOfNumber(first), limit });
    const placements = records.map(placementOf);
    let place = first;
    for (const placement of placements) {
      if (placement.first !== place) throw this.gone();
      place = lastPlace(placement) + 1;
    }
    return placements;
  }

  /** Adds a placement. `conflict`: others decided meanwhile what comes at its place. */
  add({ first, executions, ranges, final }: Placement): Promise<CommitResult> {
    const body: Body = {
      executions: executions.map(({ id, workflowId, parent }) =>
        parent === undefined ? [id, workflowId] : [id, workflowId, parent],
      ),
      ranges: ranges.map(({ execution, from, to }) => [execution, from, to]),
      final,
    };
    const record = { group: this.group, id: idOfNumber(first), version: 1, body: JSON.stringify(body) };
    return this.store.commitRecord({ record });
  }

  /** Takes back a placement that was added to the log of a tree that is gone. */
  async remove({ first }: Placement): Promise<void> {
    await this.store.commitRecord({ remove: { group: this.group, id: idOfNumber(first), version: 1 } });
  }

  /** The tree is gone from the store, and its log with it. */
  gone(): EngineError {
    return new EngineError({ type: 'not_found', resource: 'execution', id: this.rootExecutionId });
  }
}

/** The place of a placement's last event. */
export function lastPlace({ first, ranges }: Placement): number {
  return ranges.reduce((place, { from, to }) => place + to - from + 1, first - 1);
}

function placementOf({ id, body }: StoredRecord): Placement {
  const { executions, ranges, final } = JSON.parse(body) as Body;
  return {
    first: Number(id),
    executions: executions.map(([executionId, workflowId, parent]) => {
      return { id: executionId, workflowId, ...(parent !== undefined && { parent }) };
    }),
    ranges: ranges.map(([execution, from, to]) => ({ execution, from, to })),
    final,
  };
}
