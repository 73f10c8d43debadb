// A reminder: a letter is written at once, and sent when its time has come.
//
// `ctx.step.waitFor` is a durable timer at the server. Worker and server may be stopped, killed and updated meanwhile: the
// wait ends at its time all the same, and the letter is neither written nor sent twice.
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { sendLetter, writeLetter } from './letters.js';

const reminderSchema = z.object({
  /** Who is reminded. */
  to: z.string(),
  /** Of what. */
  about: z.string(),
  /** How long from now, in seconds. */
  afterSeconds: z.number().positive(),
});

const stateSchema = z.object({
  phase: z.enum(['new', 'written', 'due', 'sent']).default('new'),
});

/** Resolves to the letter that was sent. */
export const reminder = defineWorkflow(
  { id: 'reminder', payloadSchema: reminderSchema, stateSchema },
  async (ctx, { to, about, afterSeconds }) => {
    const write = async () => {
      const letter = await ctx.step.run('write', () => writeLetter(to, about));
      ctx.state.phase = 'written';
      return letter;
    };
    // The wait begins now, beside the step. Once the letter is written, only the time is missing: the execution leaves
    // its worker, and costs nothing there until the time has come.
    const [letter] = await Promise.all([write(), ctx.step.waitFor('until_due', { seconds: afterSeconds })]);
    ctx.state.phase = 'due';
    await ctx.step.run('send', () => sendLetter(letter));
    ctx.state.phase = 'sent';
    return letter;
  },
);
