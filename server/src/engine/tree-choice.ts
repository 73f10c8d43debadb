import type { Named } from './event-pages.js';
import type { EventRange, PlacedExecution, Placement } from './tree-log.js';
import type { Entry, Member } from './tree-member.js';

/** Ranges of events that are placed at once. */
const RANGES_MAX = 500;

/** What is to come next in a tree, until it is placed. */
export class Choice {
  private readonly first: number;
  private readonly chosen = new Set<Member>();
  private readonly executions: PlacedExecution[] = [];
  private readonly indexes = new Map<string, number>();
  private readonly ranges: EventRange[] = [];
  private readonly final: number[] = [];

  /** @param first  the place to begin with. */
  constructor(first: number) {
    this.first = first;
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  get isFull(): boolean {
    return this.ranges.length >= RANGES_MAX;
  }

  /** The members of which there is something in it. */
  get members(): Iterable<Member> {
    return this.chosen;
  }

  get placement(): Placement {
    const { first, executions, ranges, final } = this;
    return { first, executions, ranges, final };
  }

  /** Adds the next entry of a member. */
  add(member: Member, entry: Entry): void {
    const { id, workflowId, chosen } = member;
    const execution = this.indexOf({ id, workflowId });
    const last = this.ranges.at(-1);
    const from = chosen + 1;
    if (last?.execution === execution) this.ranges.pop();
    this.ranges.push({ execution, from: last?.execution === execution ? last.from : from, to: entry.last });
    for (const started of entry.started) this.indexOf({ ...started, parent: execution });
    if (entry.isFinal) this.final.push(execution);
    this.chosen.add(member);
  }

  private indexOf(execution: Named & { readonly parent?: number }): number {
    const known = this.indexes.get(execution.id);
    if (known !== undefined) return known;
    this.indexes.set(execution.id, this.executions.length);
    return this.executions.push(execution) - 1;
  }
}
