// A report of what was sold in a night. It declares itself when it starts: at 3:30 from Monday to Friday, in Berlin, where
// that is 1:30 or 2:30 in UTC. A server that was down at that time makes it up when it is back.
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { sales } from './sales.js';

/** What a schedule gives its executions: the part of it that this workflow reads. */
const tickSchema = z.object({
  /** The time that it was to start at, however late it did. */
  timestamp: z.iso.datetime(),
  /** The time before that; null for the first one. */
  lastTimestamp: z.iso.datetime().nullable(),
  /** The schedule's own payload: nothing for the one that the workflow declares. */
  payload: z.object({ shop: z.string() }).optional(),
});

/** Resolves to the report's text. */
export const report = defineWorkflow(
  {
    id: 'report',
    schedule: { cron: '30 3 * * MON-FRI', timezone: 'Europe/Berlin' },
    payloadSchema: tickSchema,
    stateSchema: z.object({ sold: z.number().optional() }),
  },
  async (ctx, { timestamp, lastTimestamp, payload }) => {
    // From one tick to the next, so that nothing is counted twice or left out: never by the clock of the moment.
    const until = new Date(timestamp);
    const from = lastTimestamp === null ? new Date(until.getTime() - 86_400_000) : new Date(lastTimestamp);
    const shop = payload?.shop ?? 'all shops';
    const sold = await ctx.step.run('count', () => sales(shop, from, until));
    ctx.state.sold = sold;
    return `${shop} sold ${sold} from ${from.toISOString()} to ${until.toISOString()}`;
  },
);
