import { randomBytes } from 'node:crypto';
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';

const stateSchema = z.object({
  items: z.array(z.object({ id: z.number(), text: z.string(), count: z.number() })),
});

/** A state of the sort that is kept for long: many small things, of which each step changes one field of one. */
export type ItemsState = z.infer<typeof stateSchema>;

/** An initial state of about so many bytes; of random letters, if it shall not compress to a small part of itself. */
export function itemsOf(bytes: number, { isRandom = false } = {}): ItemsState {
  const text = (id: number) =>
    isRandom ? randomBytes(30).toString('base64') : `the text of item ${id}, which nobody changes`;
  const item = (id: number) => ({ id, text: text(id), count: 0 });
  const each = JSON.stringify(item(1_000)).length + 1;
  return { items: Array.from({ length: Math.max(1, Math.round(bytes / each)) }, (_, id) => item(id)) };
}

/** Changes one field of its state in each of so many steps. */
export const itemsWorkflow = defineWorkflow<{ readonly steps: number }, ItemsState, number>(
  { id: 'bench_items', stateSchema },
  async (ctx, { steps }) => {
    for (let step = 0; step < steps; step++) {
      await ctx.step.run(`step_${step}`, () => step);
      const item = ctx.state.items[(step * 7) % ctx.state.items.length];
      if (item) item.count += 1;
    }
    return steps;
  },
);
