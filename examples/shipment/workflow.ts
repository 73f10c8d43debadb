// A shipment and its parcels: one execution starts others, and those do the work side by side.
//
// Each parcel is an execution of its own, with its own steps, state and worker. The shipment waits for them without a worker.
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { handOver, packed, printLabel } from './warehouse.js';

const parcelSchema = z.object({ item: z.string() });

/** Packs one parcel; resolves to its label. */
const parcel = defineWorkflow({ id: 'parcel', payloadSchema: parcelSchema }, async (ctx, { item }) => {
  const grams = await ctx.step.run('pack', () => packed(item));
  return ctx.step.run('label', () => printLabel(item, grams));
});

const shipmentSchema = z.object({
  /** What is shipped, each item in a parcel of its own. */
  items: z.array(z.string()).min(1),
});

/** Resolves to the labels, in the order of the items. */
const shipment = defineWorkflow({ id: 'shipment', payloadSchema: shipmentSchema }, async (ctx, { items }) => {
  const labels = await Promise.all(
    items.map((item, index) => ctx.step.invokeAndWait(`parcel_${index + 1}`, parcel, { payload: { item } })),
  );
  await ctx.step.run('hand_over', () => handOver(labels));
  return labels;
});

/** What a worker of this program serves. */
export const workflows = [shipment, parcel];

export { shipment };
