import type { WorkflowContext } from '../../../clients/typescript/src/context.js';
import { edit, newOwn } from './edit.js';
import type { Piece } from './program.js';

/** What a random workflow keeps: a subtree of its own for each branch, and what all branches add to. */
export interface PerformedState {
  own: Record<string, unknown>;
  /** The keys of steps whose functions changed the state. */
  marks: Record<string, number>;
  log: string[];
}

/** The state that an execution begins with. */
export const FIRST_STATE: PerformedState = { own: {}, marks: {}, log: [] };

/** What one run of a workflow, with all its lives, remembers beside the store. */
export interface Memory {
  /** Called as a step's function begins. */
  readonly onBody: (key: string) => void;
  /** Where the handler has thrown in this life; it is done with once the server knows. */
  readonly stumbling: Set<string>;
  /** Where it has thrown, and the server knows. Earlier lives than that throw there again. */
  readonly stumbled: Set<string>;
}

type Context = WorkflowContext<PerformedState>;

/** Runs the pieces of one branch in order; each adds to the sum that the workflow returns. */
export async function perform(
  ctx: Context,
  pieces: readonly Piece[],
  branch: string,
  memory: Memory,
): Promise<number> {
  let sum = 0;
  for (const [index, piece] of pieces.entries()) {
    const key = `${branch}.${index}`;
    switch (piece.type) {
      case 'edit':
        edit(ownOf(ctx, branch), key);
        break;
      case 'replace':
        ctx.state = { ...ctx.state, own: { ...ctx.state.own } };
        edit(ownOf(ctx, branch), key);
        break;
      case 'step':
        sum += await attempted(ctx, { ...piece, key, memory, change: () => {} });
        break;
      case 'stepEdit':
        sum += await attempted(ctx, {
          ...piece,
          key,
          memory,
          change: () => mark(ctx, piece.assigns, branch, key),
        });
        break;
      case 'event':
        await ctx.step.publishWorkflowEvent(key, { type: 'said', data: { key, sum } });
        break;
      case 'child':
        sum += await ctx.step.invokeAndWait<number>(key, 'child', key.length);
        break;
      case 'wait':
        await ctx.step.waitFor(key, { seconds: 1 });
        break;
      case 'suspend':
        sum += await ctx.step.suspend<number>(key);
        break;
      case 'stumble':
        if (memory.stumbled.has(key)) break;
        memory.stumbling.add(key);
        throw new Error(`stumbled at ${key}`);
      case 'loop':
        for (let time = 0; time < piece.times; time++) {
          sum += await perform(ctx, piece.body, `${key}#${time}`, memory);
        }
        break;
      case 'parallel': {
        const branches = piece.branches.map((pieces, at) => perform(ctx, pieces, `${key}/${at}`, memory));
        const sums = await Promise.allSettled(branches);
        for (const each of sums) {
          if (each.status === 'rejected') throw each.reason;
          sum += each.value;
        }
        break;
      }
    }
  }
  return sum;
}

/** A step of which the first attempts fail; each changes the state. */
async function attempted(
  ctx: Context,
  step: {
    readonly key: string;
    readonly turns: number;
    readonly fails: number;
    readonly memory: Memory;
    readonly change: () => void;
  },
): Promise<number> {
  const { key, turns, fails, memory, change } = step;
  let calls = 0;
  const body = async () => {
    memory.onBody(key);
    change();
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    calls += 1;
    if (calls <= fails) throw new Error(`failure of ${key}`);
    return key.length;
  };
  try {
    return await ctx.step.run(key, body, { maxRetries: 1, baseDelay: 0 });
  } catch (error) {
    ctx.state.own[`error ${key}`] = (error as Error).message;
    return 0;
  }
}

/** What a step's function does with the state: in place or by assignment. */
function mark(ctx: Context, assigns: boolean, branch: string, key: string): void {
  if (assigns) ctx.state = structuredClone(ctx.state);
  ctx.state.marks[key] = (ctx.state.marks[key] ?? 0) + 1;
  ctx.state.log.push(key);
  edit(ownOf(ctx, branch), key);
}

/** A branch's own part of the state, which no other branch touches. */
function ownOf({ state }: Context, branch: string): Record<string, unknown> {
  state.own[branch] ??= newOwn();
  return state.own[branch] as Record<string, unknown>;
}
