import { keptBeside } from '../core/execution.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import { allNames } from './name-pages.js';
import { type Round, Rounds } from './rounds.js';

/** How long something of a project is kept, in milliseconds; undefined for ever. */
export type RetentionRule = (projectId: string) => number | undefined;

/** What retention of executions asks of the rest of the engine. */
export interface ExecutionRetentionPort {
  readonly store: Store;
  readonly clock: Clock;
  /** Counted from the close of an execution. */
  readonly keptFor: RetentionRule;
  fault(error: unknown): void;
}

const INTERVAL_MS = 60_000;

/** Executions that are removed at once, and how long the store has for others after that. */
const REMOVED_AT_ONCE = 100;
const REST_MS = 50;

/**
 * Deletes executions that closed long ago, now and then: by what the rule says then, whatever it said when they closed. Any
 * number of servers may do it at once: they meet at the same executions, and removing again what is gone does nothing.
 *
 * Each goes by itself, whoever started it or was started by it. One that has something to deliver stays: others wait for
 * that.
 */
export class ExecutionRetention {
  private readonly port: ExecutionRetentionPort;
  private readonly rounds: Rounds;

  constructor(port: ExecutionRetentionPort) {
    const { clock, fault } = port;
    this.port = port;
    this.rounds = new Rounds({
      clock,
      intervalMs: INTERVAL_MS,
      work: (round) => this.removeAll(round),
      fault,
    });
  }

  start(): void {
    this.rounds.start();
  }

  /** Lets what is being removed go. */
  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async removeAll(round: Round): Promise<void> {
    const { store, clock, keptFor, fault } = this.port;
    for await (const projectId of allNames((page) => store.listProjects(page))) {
      if (round.isStopped) return;
      const keptMs = keptFor(projectId);
      if (keptMs === undefined) continue;
      // What fails in one project keeps no other waiting.
      await this.removeOf(projectId, clock.now() - keptMs, round).catch(fault);
    }
  }

  private async removeOf(projectId: string, until: number, round: Round): Promise<void> {
    const { store } = this.port;
    while (!round.isStopped) {
      const found = await store.listClosed({ projectId, until, limit: REMOVED_AT_ONCE });
      const removals = found.map((execution) => ({
        executionId: execution.id,
        groups: keptBeside(execution),
      }));
      if (removals.length > 0) await store.removeClosed(removals);
      if (found.length < REMOVED_AT_ONCE) return;
      await round.rest(REST_MS);
    }
  }
}
