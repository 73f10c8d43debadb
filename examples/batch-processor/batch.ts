import type { PolosClient } from '@polos/sdk';
import type { Options } from './options.js';
import { eventLine, stateLines } from './report.js';
import { batchProcessor, type ProcessingState } from './workflow.js';

/**
 * Runs one batch and shows its events as they happen, then its result and its final state.
 * @returns the execution's id.
 */
export async function runBatch(client: PolosClient, { files, isDemonstration }: Options): Promise<string> {
  const execution = batchProcessor.invoke(client, { timestamp: new Date().toISOString(), items: [...files] });
  const count = files.length === 1 ? 'a file' : `${files.length} files`;
  console.log(`Invoked  ${batchProcessor.id} on ${count}, execution ${execution.executionId}`);
  if (isDemonstration) {
    console.log(
      '         The last one does not exist: its step is tried three times in about 3 s, then given up.',
    );
  }
  console.log('');
  for await (const event of execution.events()) console.log(eventLine(event));
  const result = await execution;
  console.log(`\nResult: ${JSON.stringify(result)}`);
  for (const line of stateLines(await execution.state<ProcessingState>())) console.log(line);
  return execution.executionId;
}
