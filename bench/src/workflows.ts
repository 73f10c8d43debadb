import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';

const stateSchema = z.object({ done: z.number().default(0) });

/** How many steps to take. */
export interface StepsInput {
  readonly steps: number;
}

/** A handler that costs next to nothing: what is measured is Polos. */
export const stepsWorkflow = defineWorkflow<StepsInput, z.infer<typeof stateSchema>, number>(
  { id: 'bench_steps', stateSchema },
  async (ctx, input) => {
    for (let step = 0; step < input.steps; step++) {
      await ctx.step.run(`step_${step}`, () => step);
      ctx.state.done += 1;
    }
    return ctx.state.done;
  },
);
