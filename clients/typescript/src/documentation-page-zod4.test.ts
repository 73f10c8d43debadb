import { expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { Activation } from './activation.js';
import { PolosClient } from './client.js';
import type { ExecutionHandle } from './execution-handle.js';
import { FakeExecution } from './fake-execution.js';
import { createLogger } from './logger.js';
import { defineWorkflow, type Workflow } from './workflow.js';

// The programs of the documentation page under zod 4, whose records need a type of keys; and what is inferred.

interface BatchProcessorInput {
  timestamp: string;
  items: string[];
}
interface BatchProcessorOutput {
  processed: number;
  failed: number;
}
interface ParentInput {
  data: { resumeFrom: number };
}
interface ChildInput {
  data: { resumeFrom: number };
}
interface Result {
  processed: boolean;
}
const processItem = (item: string): string => item;
const processData = async (data: object): Promise<object> => data;

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
        // biome-ignore lint/correctness/noUnusedVariables: as on the page.
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

const parentStateSchema = z.object({
  tasksStarted: z.number().default(0),
});

type ParentState = z.infer<typeof parentStateSchema>;

const childStateSchema = z.object({
  parentId: z.string().default(''),
  config: z.record(z.string(), z.unknown()).default({}),
});

type ChildState = z.infer<typeof childStateSchema>;

const parentWorkflow = defineWorkflow<ParentInput, ParentState, Result>(
  { id: 'parent_workflow', stateSchema: parentStateSchema },
  async (ctx, input) => {
    ctx.state.tasksStarted += 1;

    // Invoke child workflow with some initial values for its state
    const result = await ctx.step.invokeAndWait('call_child', childWorkflow, {
      payload: { data: input.data },
      initialState: {
        parentId: ctx.executionId,
        config: { mode: 'production' },
      },
    });

    return result;
  },
);

const childWorkflow = defineWorkflow<ChildInput, ChildState, { processed: boolean }>(
  { id: 'child_workflow', stateSchema: childStateSchema },
  async (ctx, input) => {
    // Access initial state
    console.log(`Parent ID: ${ctx.state.parentId}`);
    console.log(`Config: ${JSON.stringify(ctx.state.config)}`);

    await ctx.step.run('process', () => processData(input.data));
    return { processed: true };
  },
);

/** Never called: that it compiles is the test. */
async function invokeParent(): Promise<Result> {
  const client = PolosClient.fromEnv();

  const result = await parentWorkflow.invoke(
    client,
    { data: { resumeFrom: 10 } },
    { initialState: { tasksStarted: 10 } },
  );
  return result;
}

const configStateSchema = z.object({
  retryLimit: z.number().default(3),
  timeoutSeconds: z.number().default(30),
  debugMode: z.boolean().default(false),
});

type ConfigState = z.infer<typeof configStateSchema>;

it('gives every value of the page its type', () => {
  expectTypeOf(invokeParent).returns.resolves.toEqualTypeOf<Result>();
  expectTypeOf(batchProcessor).toExtend<
    Workflow<BatchProcessorInput, ProcessingState, BatchProcessorOutput>
  >();
  expectTypeOf<ConfigState>().toEqualTypeOf<{
    retryLimit: number;
    timeoutSeconds: number;
    debugMode: boolean;
  }>();
});

it('runs the batch processor of the page', async () => {
  const execution = new FakeExecution({ timestamp: 'now', items: ['a', 'b'] });
  const assignment = execution.assign();
  const activation = new Activation({
    workflow: batchProcessor,
    assignment,
    steps: assignment.steps,
    port: execution,
    logger: createLogger('silent'),
    leaseMs: 1_000,
  });
  expect(await activation.run()).toBe('closed');
  expect(execution.resultValue).toEqual({ processed: 2, failed: 0 });
  expect(execution.state).toEqual({ processedCount: 2, failedItems: [], startedAt: 'now' });
});

it('infers all types from schemas, and lets callers leave out what has a default', () => {
  const inferred = defineWorkflow(
    {
      id: 'inferred',
      payloadSchema: z.object({ n: z.number(), unit: z.string().default('m') }),
      stateSchema: processingStateSchema,
    },
    async (ctx, input) => {
      expectTypeOf(ctx.state).toEqualTypeOf<ProcessingState>();
      expectTypeOf(input).toEqualTypeOf<{ n: number; unit: string }>();
      return input.n;
    },
    { autoRegister: false },
  );
  const client = new PolosClient();
  const calls = {
    run: () => inferred.run(client, { n: 1 }, { initialState: { startedAt: 'now' } }),
    start: () => client.invoke(inferred, { n: 1, unit: 'km' }),
    // @ts-expect-error the payload is missing
    noPayload: () => inferred.run(client),
    // @ts-expect-error the payload is wrong
    wrongPayload: () => client.invoke(inferred, { n: 'x' }),
    // @ts-expect-error the state is wrong
    wrongState: () => inferred.run(client, { n: 1 }, { initialState: { startedAt: 1 } }),
  };
  expectTypeOf(calls.run).returns.resolves.toEqualTypeOf<number>();
  expectTypeOf(calls.start).returns.resolves.toEqualTypeOf<ExecutionHandle<number>>();
});

it('needs no payload and no schema', () => {
  const open = defineWorkflow({ id: 'open' }, async (ctx) => {
    ctx.state.anything = [1];
    const child = await ctx.step.invokeAndWait('a', batchProcessor, { timestamp: '', items: [] }, {});
    expectTypeOf(child).toEqualTypeOf<BatchProcessorOutput>();
    const typed = await ctx.step.invokeAndWait<number>('b', 'elsewhere', 5);
    expectTypeOf(typed).toEqualTypeOf<number>();
    // @ts-expect-error the child's payload is wrong
    await ctx.step.invokeAndWait('c', batchProcessor, { payload: { timestamp: 1 } });
    return typed;
  });
  const client = new PolosClient();
  expectTypeOf(() => open.run(client)).returns.resolves.toEqualTypeOf<number>();
});
