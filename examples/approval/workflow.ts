// An order that somebody has to approve.
//
// `ctx.step.suspend` waits for a person: for minutes or for weeks, without a worker. Whoever decides calls
// `client.resume(executionId, 'approval', decision)`, or `polos execution resume`, or ResumeExecution from any language.
// When nobody does within the timeout, the step fails with a WaitTimeoutError, and the order expires.
import { defineWorkflow, WaitTimeoutError, type WorkflowContext } from '@polos/sdk';
import { z } from 'zod';
import { releaseItem, reserveItem, shipItem } from './stock.js';

/** The step that waits. */
export const APPROVAL = 'approval';

/** What somebody decided. */
const decisionSchema = z.object({
  approved: z.boolean(),
  by: z.string(),
  reason: z.string().default(''),
});

type Decision = z.infer<typeof decisionSchema>;

const orderSchema = z.object({
  item: z.string(),
  /** How long the decision may take, in seconds. */
  decideWithinSeconds: z.number().positive(),
});

const stateSchema = z.object({
  status: z.enum(['new', 'waiting', 'shipped', 'rejected', 'expired']).default('new'),
  decidedBy: z.string().default(''),
  reason: z.string().default(''),
});

type OrderState = z.infer<typeof stateSchema>;
type OrderContext = WorkflowContext<OrderState>;

/** Resolves to the order's final status. */
export const order = defineWorkflow<z.infer<typeof orderSchema>, OrderState, OrderState['status']>(
  { id: 'order_with_approval', payloadSchema: orderSchema, stateSchema },
  async (ctx, { item, decideWithinSeconds }) => {
    await ctx.step.run('reserve', () => reserveItem(item));
    ctx.state.status = 'waiting';
    const decision = await decide(ctx, { item, timeout: decideWithinSeconds });
    ctx.state.decidedBy = decision?.by ?? '';
    ctx.state.reason = decision?.reason ?? '';
    if (decision?.approved) {
      await ctx.step.run('ship', () => shipItem(item));
      ctx.state.status = 'shipped';
    } else {
      await ctx.step.run('release', () => releaseItem(item));
      ctx.state.status = decision === undefined ? 'expired' : 'rejected';
    }
    return ctx.state.status;
  },
);

/** Waits for the decision. @returns undefined if nobody made one in time. */
async function decide(
  ctx: OrderContext,
  { item, timeout }: { readonly item: string; readonly timeout: number },
): Promise<Decision | undefined> {
  let given: unknown;
  try {
    // The data is for whoever decides: it is in the event `step_suspend`.
    given = await ctx.step.suspend(APPROVAL, { data: { item }, timeout });
  } catch (error) {
    if (error instanceof WaitTimeoutError) return undefined;
    throw error;
  }
  // It comes from outside, and a step is resumed once: what is no decision must not be an approval, nor an endless retry.
  const decision = decisionSchema.safeParse(given);
  return (
    decision.data ?? { approved: false, by: 'nobody', reason: 'what it was resumed with is no decision' }
  );
}
