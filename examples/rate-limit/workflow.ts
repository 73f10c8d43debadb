// Checks an invoice with a credit bureau that takes no more than two calls at once for each customer.
//
// The workflow's queue has a concurrency limit, and whoever starts an execution names the customer as its concurrency key:
// two executions for each customer run at once, however many workers and servers there are, and the others wait.
import { defineWorkflow, Queue } from '@polos/sdk';
import { z } from 'zod';
import { askBureau } from './bureau.js';

const invoiceSchema = z.object({
  customer: z.string(),
  invoice: z.number().int().positive(),
});

/** At most two at once for each concurrency key. */
const bureau = new Queue('bureau', { concurrencyLimit: 2 });

/** Resolves to what the bureau says. */
export const checkInvoice = defineWorkflow(
  { id: 'check_invoice', queue: bureau, payloadSchema: invoiceSchema },
  async (ctx, { customer, invoice }) => ctx.step.run('ask', () => askBureau(customer, invoice)),
);
