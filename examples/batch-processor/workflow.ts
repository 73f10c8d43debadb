// biome-ignore-all lint/correctness/noUnusedVariables: the code is the page's own, word for word.
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { processItem } from './process-item.js';

// From here on as on the page "Workflow state"; the types that it leaves open are at the end.

const processingStateSchema = z.object({
  processedCount: z.number().default(0),
  failedItems: z.array(z.string()).default([]),
  startedAt: z.string().default(''),
});

type ProcessingState = z.infer<typeof processingStateSchema>;

const batchProcessor = defineWorkflow<BatchProcessorInput, ProcessingState, BatchProcessorOutput>(
  { id: 'batch_processor', stateSchema: processingStateSchema },
  async (ctx, input) => {
    // Access state via ctx.state
    ctx.state.startedAt = input.timestamp;

    for (const item of input.items) {
      try {
        await ctx.step.run(`process_${item}`, () => processItem(item));
        ctx.state.processedCount += 1;
      } catch (e) {
        ctx.state.failedItems.push(item);
      }
    }

    return {
      processed: ctx.state.processedCount,
      failed: ctx.state.failedItems.length,
    };
  },
);

/** What the workflow is invoked with. */
interface BatchProcessorInput {
  /** When the batch was ordered. */
  timestamp: string;
  /** The paths of the files to process. */
  items: string[];
}

/** What it returns: how many items went well, and how many did not. */
interface BatchProcessorOutput {
  processed: number;
  failed: number;
}

export { batchProcessor, type ProcessingState };
