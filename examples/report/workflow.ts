// A report that is exported every night: a long step that may hang, hooks around it, and errors that no retry can help.
//
// `attempt.heartbeat()` tells a slow export from one that hangs: a silent one is given up after two seconds and tried
// again, although the whole may take hours. The hooks decide which day it is about, refuse a day that is not over, and tell
// how it ended, once, whether it ended well or not.
import { defineWorkflow, type HookContext, HookResult, type StepAttempt } from '@polos/sdk';
import { z } from 'zod';
import { NoSuchDayError, readOrders } from './orders.js';
import { ReportFile } from './report-file.js';

const requestSchema = z.object({
  /** A day that is over, as in 2026-11-22. */
  day: z.union([z.literal('yesterday'), z.iso.date()]).default('yesterday'),
  /** Where the report goes. */
  folder: z.string(),
});

type ReportRequest = z.infer<typeof requestSchema>;

const stateSchema = z.object({
  phase: z.enum(['new', 'exporting', 'published', 'failed']).default('new'),
  rows: z.number().default(0),
});

const DAY_MS = 86_400_000;

/** The clock is read in a hook, and so once: a replay on the next day is still about the same one. */
function chooseDay(_: unknown, { currentPayload }: HookContext<ReportRequest>) {
  const now = Date.now();
  const yesterday = new Date(now - DAY_MS).toISOString().slice(0, 10);
  const day = currentPayload.day === 'yesterday' ? yesterday : currentPayload.day;
  if (Date.parse(day) + DAY_MS > now) return HookResult.fail(`${day} is not over yet`);
  return HookResult.continueWith({ modifiedPayload: { ...currentPayload, day } });
}

/** Runs once, when there is nothing left to try. Replace the line by a message to whoever waits for the report. */
function tellHowItEnded(
  _: unknown,
  { currentPayload, currentOutput, currentError }: HookContext<ReportRequest>,
) {
  const { day } = currentPayload;
  if (currentError === undefined) console.log(`The report of ${day} is there: ${currentOutput}`);
  else console.log(`There is no report of ${day}: ${currentError.message}`);
}

/** Resolves to the path of the report. */
export const nightlyReport = defineWorkflow(
  {
    id: 'nightly_report',
    payloadSchema: requestSchema,
    stateSchema,
    onStart: chooseDay,
    onEnd: [
      tellHowItEnded,
      {
        name: 'noteFailure',
        handler: (ctx, { currentError }) => {
          if (currentError !== undefined) ctx.state.phase = 'failed';
        },
      },
    ],
  },
  async (ctx, { day, folder }) => {
    ctx.state.phase = 'exporting';
    const draft = await ctx.step.run('export', (attempt) => exportDay(day, folder, attempt), {
      heartbeatTimeout: 2_000,
      timeout: 6 * 3_600_000,
      maxRetries: 4,
      baseDelay: 100,
      nonRetryable: [NoSuchDayError],
    });
    ctx.state.rows = draft.rows;
    const path = await ctx.step.run('publish', () => new ReportFile(folder, day).publish(draft.path));
    ctx.state.phase = 'published';
    return path;
  },
);

/** Writes a day's orders, page by page. Each attempt has a file of its own: one that was given up may still be writing. */
async function exportDay(day: string, folder: string, { attempt, signal, heartbeat }: StepAttempt) {
  const draft = await new ReportFile(folder, day).draft(attempt);
  try {
    let rows = 0;
    for await (const page of readOrders(day, { attempt, signal })) {
      await draft.write(page);
      rows += page.length;
      // Throws once this attempt has been given up, so that it does not go on for nothing.
      heartbeat();
    }
    await draft.close();
    return { path: draft.path, rows };
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
