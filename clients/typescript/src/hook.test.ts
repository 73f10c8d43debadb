import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod3';
import type { WorkflowContext } from './context.js';
import { defineHook, type HookContext, HookResult, isHook, placeHooks } from './hook.js';
import { defineWorkflow } from './workflow.js';

const local = { autoRegister: false };

describe('a hook', () => {
  it('is known by the name it was given, its function or neither, and by its place', () => {
    function audit(): void {}
    const hooks = [audit, defineHook(audit, { name: 'named' }), () => {}, audit];
    const keys = placeHooks(hooks, 'onStart').map(({ key }) => key);
    expect(keys).toEqual(['on_start.audit.0', 'on_start.named.1', 'on_start.hook.2', 'on_start.audit.3']);
    expect(placeHooks(audit, 'onEnd')[0]).toMatchObject({ key: 'on_end.audit.0', phase: 'onEnd' });
    expect(placeHooks(undefined, 'onEnd')).toEqual([]);
  });

  it('is told from what is none', () => {
    expect(isHook(defineHook(() => {}))).toBe(true);
    for (const other of [() => {}, undefined, null, 'x', {}, { handler: 1 }])
      expect(isHook(other)).toBe(false);
  });

  it.each([
    ['an empty name', { name: '', handler: () => {} }],
    ['a long name', { name: 'ü'.repeat(101), handler: () => {} }],
    ['a name of a lone surrogate', { name: '\ud800', handler: () => {} }],
    ['no function', { name: 'x', handler: 'y' }],
    ['a text', 'log'],
    ['null', null],
  ])('cannot have %s: the workflow is refused', (_, hook) => {
    for (const phase of ['onStart', 'onEnd']) {
      const config = { id: 'w', [phase]: [() => {}, hook] };
      expect(() => defineWorkflow(config as never, () => 1, local)).toThrow(TypeError);
    }
    expect(() => defineHook(() => {}, { name: '' })).toThrow('1 to 200 bytes');
  });

  it('says what it decided', () => {
    expect(HookResult.continue()).toEqual({ continue: true });
    expect(HookResult.fail('no')).toEqual({ continue: false, error: 'no' });
    const changes = { modifiedPayload: 1, modifiedOutput: null };
    expect(HookResult.continueWith(changes)).toEqual({ continue: true, ...changes });
  });
});

interface Order {
  readonly item: string;
}
interface Progress {
  phase: string;
}
async function log(ctx: WorkflowContext<unknown>, { phase }: HookContext): Promise<void> {
  expect(`${ctx.workflowId} ${phase}`).toBeDefined();
}
const ofAny = defineHook((_, { currentPayload }) => {
  expectTypeOf(currentPayload).toEqualTypeOf<unknown>();
});
const ofOrders = defineHook<Order, Progress>((ctx, { currentPayload }) => {
  ctx.state.phase = currentPayload.item;
});

describe('the types of hooks', () => {
  it('come from the schemas of zod 4', () => {
    const payloadSchema = z.object({ n: z.number().default(1) });
    const stateSchema = z.object({ s: z.string().default('') });
    const workflow = defineWorkflow(
      {
        id: 'w',
        payloadSchema,
        stateSchema,
        onStart: (ctx, hookCtx) => {
          expectTypeOf(ctx.state).toEqualTypeOf<{ s: string }>();
          expectTypeOf(hookCtx.currentPayload).toEqualTypeOf<{ n: number }>();
          return HookResult.fail('no');
        },
        onEnd: [
          async (ctx, { currentPayload }) => {
            expectTypeOf(ctx.state).toEqualTypeOf<{ s: string }>();
            expectTypeOf(currentPayload).toEqualTypeOf<{ n: number }>();
          },
          { name: 'slow', maxRetries: 5, handler: (ctx) => void expectTypeOf(ctx.state.s).toBeString() },
          ofAny,
          log,
        ],
      },
      (_, { n }) => n,
      local,
    );
    // The hooks do not stand in the way of the result's type, which nothing but the handler says.
    expectTypeOf(workflow.run).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(workflow.run).parameter(1).toEqualTypeOf<{ n?: number | undefined }>();
  });

  it('come from the schemas of zod 3', () => {
    const workflow = defineWorkflow(
      {
        id: 'w',
        onEnd: (ctx, { currentPayload }) => {
          expectTypeOf(ctx.state).toEqualTypeOf<{ s: string }>();
          expectTypeOf(currentPayload).toEqualTypeOf<{ n: number }>();
        },
        payloadSchema: z3.object({ n: z3.number().default(1) }),
        stateSchema: z3.object({ s: z3.string().default('') }),
      },
      (_, { n }) => String(n),
      local,
    );
    expectTypeOf(workflow.run).returns.resolves.toEqualTypeOf<string>();
  });

  it('come from type arguments and from the handler, too', () => {
    const stateSchema = z.object({ phase: z.string() });
    defineWorkflow<Order, Progress, string>(
      { id: 'w', stateSchema, onStart: ofOrders, onEnd: [log, ofAny, ofOrders] },
      () => '',
      local,
    );
    const workflow = defineWorkflow({ id: 'w', onStart: ofAny }, (_, order: Order) => order.item, local);
    expectTypeOf(workflow.run).parameter(1).toEqualTypeOf<Order>();
    const payloadSchema = z.object({ item: z.number() });
    // @ts-expect-error a hook of other payloads.
    defineWorkflow({ id: 'w', payloadSchema, stateSchema, onStart: ofOrders }, () => '', local);
    // @ts-expect-error a hook of other states.
    defineWorkflow({ id: 'w', onStart: defineHook<unknown, { n: number }>(() => {}) }, () => '', local);
    // @ts-expect-error no result of a hook.
    defineWorkflow({ id: 'w', onStart: () => 'yes' }, () => '', local);
  });
});
