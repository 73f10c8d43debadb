import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { BatchStepResult } from './batch.js';
import type { Steps } from './step.js';
import { defineWorkflow } from './workflow.js';

// What the compiler says is the test; nothing of it runs.

const square = defineWorkflow<{ n: number }, { seen: number }, number>(
  { id: 'square', stateSchema: z.object({ seen: z.number() }) },
  async (_, { n }) => n * n,
);
const greet = defineWorkflow(
  { id: 'greet', payloadSchema: z.object({ name: z.string().default('you') }) },
  async (_, { name }) => `Hello, ${name}!`,
);
const tick = defineWorkflow<undefined, Record<string, unknown>, void>({ id: 'tick' }, async () => {});

test('the results of a batch have the types of its items, one by one', () => {
  const check = async (step: Steps) => {
    const mixed = await step.batchInvokeAndWait('mixed', [
      { workflow: square, payload: { n: 1 }, initialState: { seen: 1 }, priority: 3 },
      { workflow: greet, payload: {} },
      { workflow: tick },
      { workflow: 'elsewhere', payload: [1] },
    ]);
    expectTypeOf(mixed).toEqualTypeOf<
      [BatchStepResult<number>, BatchStepResult<string>, BatchStepResult<void>, BatchStepResult<unknown>]
    >();
    const [first] = mixed;
    if (first.success) expectTypeOf(first.result).toEqualTypeOf<number>();
    else expectTypeOf(first.error.type).toEqualTypeOf<string>();

    const same = await step.batchInvokeAndWait(
      'same',
      [1, 2].map((n) => ({ workflow: square, payload: { n } })),
    );
    expectTypeOf(same).toEqualTypeOf<BatchStepResult<number>[]>();
    expectTypeOf(await step.batchInvokeAndWait('none', [])).toEqualTypeOf<[]>();
  };
  expectTypeOf(check).toBeFunction();
});

test('an item that does not fit its workflow is refused by the compiler', () => {
  const check = (step: Steps) => [
    // @ts-expect-error the payload is of another type
    step.batchInvoke('a', [{ workflow: square, payload: { n: 'one' } }]),
    // @ts-expect-error the payload is missing
    step.batchInvoke('b', [{ workflow: square }]),
    // @ts-expect-error the state has no such member
    step.batchInvoke('c', [{ workflow: square, payload: { n: 1 }, initialState: { lost: 1 } }]),
    // @ts-expect-error there is no such option
    step.batchInvoke('d', [{ workflow: square, payload: { n: 1 }, retries: 3 }]),
    // @ts-expect-error nothing says what to start
    step.batchInvoke('e', [{ payload: { n: 1 } }]),
  ];
  expectTypeOf(check).toBeFunction();
});
