import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Outcome, root, runProgram, Stage } from './cli-process.js';
import { PageProject, pageBlock, ZODS, type Zod } from './page-program.js';

/** The page itself, for whoever has it beside the repository. */
const PAGE = join(root, '../shared/reference/workflow-state.txt');

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

const BATCH_PRELUDE = `
import { PolosClient, Worker } from '@polos/sdk';
interface BatchProcessorInput { timestamp: string; items: string[] }
interface BatchProcessorOutput { processed: number; failed: number }
async function processItem(item: string): Promise<string> {
  if (item === 'bad') throw new Error('it cannot be processed');
  return item.toUpperCase();
}
`;

const BATCH_INVOCATION = `
const client = PolosClient.fromEnv();
const worker = new Worker({ client, workflows: [batchProcessor] });
const working = worker.run();
const execution = batchProcessor.invoke(client, { timestamp: '2026-11-22T08:00:00Z', items: ['a', 'bad', 'b'] });
const result: BatchProcessorOutput = await execution;
console.log(JSON.stringify({ result, state: (await execution.state<ProcessingState>()).value }));
await worker.shutdown();
await working;
client.close();
`;

const PARENT_PRELUDE = `
import { PolosClient, Worker } from '@polos/sdk';
interface ParentInput { data: { resumeFrom: number } }
interface ChildInput { data: { resumeFrom: number } }
interface Result { processed: boolean }
function processData(data: { resumeFrom: number }): number {
  return data.resumeFrom * 2;
}
`;

const PARENT_WORKER = `
const worker = new Worker({ client: PolosClient.fromEnv(), workflows: [parentWorkflow, childWorkflow] });
const working = worker.run();
`;

const PARENT_END = `
console.log(JSON.stringify(result));
await worker.shutdown();
await working;
client.close();
`;

describe.each(ZODS)('with %s', (zod) => {
  test('the batch processor type-checks, counts what went well and notes what did not', async () => {
    const { errors, outcome } = await runPage(zod, [
      BATCH_PRELUDE,
      pageBlock('batch-processor'),
      BATCH_INVOCATION,
    ]);
    expect(errors).toEqual([]);
    expect(outcome).toMatchObject({ status: 0 });
    expect(JSON.parse(outcome.stdout)).toEqual({
      result: { processed: 2, failed: 1 },
      state: { processedCount: 2, failedItems: ['bad'], startedAt: '2026-11-22T08:00:00Z' },
    });
  });

  test('a parent starts its child with an initial state, and is started with one itself', async () => {
    const blocks = [pageBlock('parent-and-child'), PARENT_WORKER, pageBlock('invoke-parent'), PARENT_END];
    const { errors, outcome } = await runPage(zod, [PARENT_PRELUDE, ...blocks]);
    // zod 4 runs `z.record(z.unknown())`, but its types want the keys' schema too.
    const expected = zod === 'zod3' ? [] : [expect.stringContaining('Expected 2-3 arguments, but got 1')];
    expect(errors).toEqual(expected);
    expect(outcome).toMatchObject({ status: 0 });
    const [parent] = await newest('parent_workflow');
    const [child] = await newest('child_workflow');
    const lines = outcome.stdout.trimEnd().split('\n');
    expect(lines).toEqual([`Parent ID: ${parent}`, 'Config: {"mode":"production"}', '{"processed":true}']);
    expect(await stateOf(parent!)).toEqual({ tasksStarted: 11 });
    expect(await stateOf(child!)).toEqual({ parentId: parent, config: { mode: 'production' } });
  });

  test('the schema of the best practices fills in its defaults', async () => {
    const print = 'console.log(JSON.stringify(configStateSchema.parse({}) satisfies ConfigState));';
    const { errors, outcome } = await runPage(zod, [pageBlock('config-state'), print]);
    expect(errors).toEqual([]);
    expect(JSON.parse(outcome.stdout)).toEqual({ retryLimit: 3, timeoutSeconds: 30, debugMode: false });
  });
});

test.skipIf(!existsSync(PAGE))('the code blocks are those of the page', () => {
  const blocks = readFileSync(PAGE, 'utf8').matchAll(/^ {2}```typescript .*\n([\s\S]*?)^ {2}```$/gm);
  const onPage = Array.from(blocks, ([, block]) => block!.replace(/^ {2}/gm, ''));
  const names = ['batch-processor', 'parent-and-child', 'invoke-parent', 'config-state'];
  expect(names.map((name) => pageBlock(name))).toEqual(onPage);
});

test('the example has the batch processor word for word', () => {
  const example = readFileSync(join(root, 'examples/batch-processor/workflow.ts'), 'utf8');
  const [imports, code] = pageBlock('batch-processor').split(/\n\n(.*)/s);
  expect(example).toContain(imports);
  expect(example).toContain(code);
});

/** Type-checks and runs a program against the server, with nothing in the environment but where that is. */
async function runPage(zod: Zod, parts: readonly string[]): Promise<{ errors: string[]; outcome: Outcome }> {
  const project = new PageProject(zod, new Map([['program.ts', parts.join('\n')]]));
  onTestFinished(() => project.remove());
  const errors = project.compile();
  const outcome = await runProgram([join(project.folder, 'program.js')], {
    env: { POLOS_API_URL: stage.url },
  });
  if (outcome.status !== 0) throw new Error(outcome.stderr);
  return { errors, outcome };
}

/** The ids of a workflow's executions, newest first. */
async function newest(workflow: string): Promise<string[]> {
  const { executions } = await stage.json('execution', 'list', '--workflow', workflow);
  return (executions as { id: string }[]).map(({ id }) => id);
}

async function stateOf(executionId: string): Promise<unknown> {
  return (await stage.json('execution', 'state', executionId)).state;
}
