import { defineWorkflow } from '@polos/sdk';

/** What an execution of these starts with. */
export interface Ledger {
  readonly customer: string;
  readonly total: number;
  readonly region: string;
  readonly steps: number;
}

/** How many steps to take, and whether each changes the fields that the index holds, or another one. */
interface LedgerInput {
  readonly steps: number;
  readonly touches: boolean;
}

const FIELDS = ['customer', 'total', 'region'];

/** The same handler without an index and with one of three fields. */
export const plainLedger = ledger('bench_plain', []);
export const indexedLedger = ledger('bench_indexed', FIELDS);

function ledger(id: string, stateIndex: readonly string[]) {
  return defineWorkflow<LedgerInput, Ledger, number>({ id, stateIndex }, async (ctx, { steps, touches }) => {
    for (let step = 0; step < steps; step++) {
      await ctx.step.run(`step_${step}`, () => step);
      ctx.state = touches
        ? { customer: `c-${step}`, total: step, region: `r-${step}`, steps: 0 }
        : { ...ctx.state, steps: step };
    }
    return steps;
  });
}
