import type { Assignment, WorkerAction } from './api.js';
import { accept, child, DONE, done, type Harness, PROJECT, SUSPEND, step } from './harness.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** Numbers from 0 to `below`, which is not among them, always the same for one seed. */
export type Random = (below: number) => number;

/** The numbers of a seed. */
export function randomOf(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return ((state >>> 8) % 65_536) % below;
  };
}

/** Children that one tree has at most, about. */
const CHILDREN_MAX = 25;

/** Workers beside each other that let trees of executions grow at random, and end. */
export class RandomWork {
  private readonly servers: readonly Harness[];
  private readonly random: Random;
  private readonly workers = new Map<Harness, string>();
  private children = 0;

  constructor(servers: readonly Harness[], random: Random) {
    this.servers = servers;
    this.random = random;
  }

  async start(): Promise<void> {
    for (const server of this.servers) this.workers.set(server, await server.register(['order', 'child']));
  }

  /** Lets one worker do something with all that it gets; answers whether it got anything. */
  async turn(): Promise<boolean> {
    const server = this.servers[this.random(this.servers.length)] as Harness;
    const assignments = await server.takeAll(this.workers.get(server) ?? '');
    for (const assignment of assignments) {
      const other = this.servers[this.random(this.servers.length)] as Harness;
      await this.perform(other, assignment);
    }
    if (this.random(4) === 0) await server.clock.turn(this.random(50));
    return assignments.length > 0;
  }

  private async perform(server: Harness, assignment: Assignment): Promise<void> {
    const { execution, steps } = assignment;
    const arrived = steps.steps.filter(({ sequence, outcome }) => sequence === 0 && outcome);
    const stillWaits = steps.steps.some(({ outcome }) => !outcome);
    const actions = arrived.map(({ key }) => accept(key));
    if (this.random(12) === 0) {
      await server.engine.cancel(PROJECT, execution.id);
      await server.complete(assignment, { type: 'cancel_execution' });
    } else if (stillWaits && this.random(8) > 0) {
      await server.complete(assignment, ...actions, SUSPEND);
    } else if (execution.epoch > 1 || this.children >= CHILDREN_MAX || this.random(3) === 0) {
      await server.complete(assignment, ...actions, ...this.steps(), this.end());
    } else {
      await this.startSome(server, assignment);
    }
  }

  private async startSome(server: Harness, assignment: Assignment): Promise<void> {
    const waits = this.random(3) > 0;
    const count = 1 + this.random(4);
    this.children += count;
    const asked = { workflowId: 'child', priority: 0 };
    const children: WorkerAction =
      this.random(2) === 0
        ? { type: 'start_children', key: 'all', waits, children: Array.from({ length: count }, () => asked) }
        : { type: 'start_child', key: 'one', waits, child: asked };
    const more = this.random(2) === 0 ? [child('another')] : [];
    await server.complete(assignment, ...this.steps(), children, ...this.steps('after'));
    if (this.random(2) === 0) await server.complete(assignment, step('between'));
    const leaves = waits || more.length > 0;
    // A parent may end while its children do not.
    await server.complete(assignment, ...more, leaves && this.random(6) > 0 ? SUSPEND : this.end());
  }

  private steps(name = 'step'): WorkerAction[] {
    return Array.from({ length: this.random(3) }, (_, index) => step(`${name}${index}`));
  }

  private end(): WorkerAction {
    const failure = { type: 'OddError', message: 'odd', retryable: false };
    return [DONE, done('1'), { type: 'fail_execution', failure } as const][this.random(3)] ?? DONE;
  }
}
