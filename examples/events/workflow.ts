// An order that is paid in parts, by whoever and however: each payment is an event of the order's topic.
//
// `ctx.step.waitForEvent` waits for the next event of a topic, for minutes or for weeks, without a worker. What is published
// before the wait is not lost, and a loop gets each event once, in order. Another workflow publishes with
// `ctx.step.publishEvent`, anything else with `client.events.publish`, `polos event publish` or PublishEvents.
import { defineWorkflow, type EventPayload, WaitTimeoutError, type WorkflowContext } from '@polos/sdk';
import { z } from 'zod';
import { bookTransfer, shipOrder } from './shop.js';

/** Where payments for an order are published. */
export function paymentsOf(orderId: string): string {
  return `payments/${orderId}`;
}

/** Where orders tell what becomes of them. */
export const ORDERS = 'orders';

const paymentSchema = z.object({ amount: z.number().positive(), by: z.string().default('somebody') });

const orderSchema = z.object({
  orderId: z.string(),
  total: z.number().positive(),
  /** How long each payment may take, in seconds. */
  payWithinSeconds: z.number().positive(),
});

const stateSchema = z.object({
  paid: z.number().default(0),
  payments: z.array(z.object({ amount: z.number(), by: z.string() })).default([]),
});

type OrderState = z.infer<typeof stateSchema>;

/** Resolves to what became of the order. */
export const order = defineWorkflow<z.infer<typeof orderSchema>, OrderState, 'shipped' | 'expired'>(
  { id: 'order_with_payments', payloadSchema: orderSchema, stateSchema },
  async (ctx, { orderId, total, payWithinSeconds }) => {
    for (let count = 1; ctx.state.paid < total; count++) {
      const event = await nextPayment(ctx, { key: `payment_${count}`, orderId, timeout: payWithinSeconds });
      if (event === undefined) {
        await ctx.step.publishEvent('tell', { topic: ORDERS, type: 'expired', data: { orderId } });
        return 'expired';
      }
      // It comes from outside: what is no payment counts nothing.
      const payment = paymentSchema.safeParse(event.data);
      if (!payment.success) continue;
      ctx.state.paid += payment.data.amount;
      ctx.state.payments.push(payment.data);
    }
    await ctx.step.run('ship', () => shipOrder(orderId));
    await ctx.step.publishEvent('tell', { topic: ORDERS, type: 'shipped', data: { orderId } });
    return 'shipped';
  },
);

/** Pays for an order by a transfer: one more way to publish a payment, exactly once. */
export const transfer = defineWorkflow<{ orderId: string; amount: number }, Record<string, unknown>, string>(
  { id: 'transfer' },
  async (ctx, { orderId, amount }) => {
    const reference = await ctx.step.run('book', () => bookTransfer(orderId, amount));
    const data = { amount, by: reference };
    await ctx.step.publishEvent('pay', { topic: paymentsOf(orderId), type: 'payment', data });
    return reference;
  },
);

/** Waits for the next payment. @returns undefined if there was none in time. */
async function nextPayment(
  ctx: WorkflowContext<OrderState>,
  { key, orderId, timeout }: { readonly key: string; readonly orderId: string; readonly timeout: number },
): Promise<EventPayload | undefined> {
  try {
    return await ctx.step.waitForEvent(key, { topic: paymentsOf(orderId), timeout });
  } catch (error) {
    if (error instanceof WaitTimeoutError) return undefined;
    throw error;
  }
}
