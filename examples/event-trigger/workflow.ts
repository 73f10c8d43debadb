// Orders that come as events, and are packed a few at a time. Nobody starts this workflow: each event of the topic is in
// exactly one execution, whatever happens to worker and server.
import { type BatchEventPayload, defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { pack } from './parcels.js';

/** The topic that orders are published to. */
export const ORDERS = 'orders';

/** An order as it is published. */
export interface Order {
  readonly item: string;
}

const stateSchema = z.object({ orders: z.array(z.number()).default([]) });

/** Resolves to what is in the parcel. */
export const packing = defineWorkflow<
  BatchEventPayload<Order>,
  z.infer<typeof stateSchema>,
  readonly string[]
>(
  {
    id: 'packing',
    // Up to three orders to a parcel; none waits longer than a second for others.
    ...{ triggerOnEvent: ORDERS, batchSize: 3, batchTimeoutSeconds: 1 },
    stateSchema,
  },
  async (ctx, { events }) => {
    ctx.state.orders = events.map(({ sequence }) => sequence);
    const items = events.map(({ data }) => data?.item ?? 'nothing');
    return ctx.step.run('pack', () => pack(items));
  },
);
