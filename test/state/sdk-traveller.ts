import { defineWorkflow, type PolosClient, type WorkflowContext } from '@polos/sdk';
import type { JsonObject, JsonValue } from '../../server/src/core/json.js';
import { canonical } from './canonical-json.js';
import type { Luggage, Stop } from './luggage.js';

type Context = WorkflowContext<Record<string, unknown>>;

/** What is under way, by session: a handler must come to the same on each run. */
const underWay = new Map<string, Luggage>();
/** Executions whose handler has thrown once, to be run again from the record. */
const interrupted = new Set<string>();

/** Starts an execution that carries luggage through everything that a TypeScript workflow can do with values. */
export async function travel(client: PolosClient, luggage: Luggage): Promise<string> {
  const { key, payload, initialState, stops, result } = luggage;
  underWay.set(key, luggage);
  const options = { initialState, sessionId: key };
  const handle = await client.invoke(traveller, payload, options);
  await client.resume(handle.id, 'resumed', payload);
  await client.events.publish(key, { type: 'news', data: stops[0]?.event });
  same('the awaited result', await handle.result(), result);
  underWay.delete(key);
  return handle.id;
}

/** Carries luggage; every fault that it sees fails the execution. */
export const traveller = defineWorkflow<JsonValue, Record<string, unknown>, JsonValue>(
  { id: 'sdk_traveller', maxRetries: 1, baseDelay: 1 },
  async (ctx, payload) => {
    const luggage = luggageOf(ctx.sessionId);
    same('the payload', payload, luggage.payload);
    same('the initial state', ctx.state, luggage.initialState);
    for (const [index, stop] of luggage.stops.entries()) {
      await callAt(ctx, index, stop);
      if (index === 1) interruptOnce(ctx.executionId);
    }
    same('what it was resumed with', await ctx.step.suspend('resumed'), payload);
    const news = await ctx.step.waitForEvent('news', { topic: luggage.key });
    same('the event', news.data, luggage.stops[0]?.event);
    const initialState = ctx.state as JsonObject;
    const [given, had] = await ctx.step.invokeAndWait('child', child, { payload, initialState });
    same("the child's payload", given, payload);
    same("the child's state", had, initialState);
    return luggage.result;
  },
  { autoRegister: false },
);

/** Answers with what it was given. */
export const child = defineWorkflow<JsonValue, Record<string, unknown>, [JsonValue, JsonObject]>(
  { id: 'sdk_child' },
  (ctx, payload) => [payload, ctx.state as JsonObject],
  { autoRegister: false },
);

/** Changes the state between steps and within one, and publishes. */
async function callAt(ctx: Context, index: number, { before, within, result, event }: Stop): Promise<void> {
  become(ctx, before.state, index % 2 === 0);
  await ctx.step.run(`before ${index}`, () => null);
  same('the state before', ctx.state, before.state);
  const got = await ctx.step.run(`within ${index}`, () => {
    become(ctx, within.state, index % 2 === 1);
    return result;
  });
  same('the result of a step', got, result);
  same('the state after', ctx.state, within.state);
  await ctx.step.publishWorkflowEvent(`event ${index}`, { type: 'stop', data: event });
}

function become(ctx: Context, wanted: JsonObject, isAssigned: boolean): void {
  if (isAssigned) ctx.state = JSON.parse(JSON.stringify(wanted));
  else reshape(ctx.state, wanted);
}

/** Turns a value into another one in place, as far as they are of one kind. */
function reshape(target: object, wanted: object): void {
  const isArray = Array.isArray(target);
  if (isArray) target.length = Math.min(target.length, (wanted as readonly unknown[]).length);
  for (const name of isArray ? [] : Object.keys(target)) {
    if (!Object.hasOwn(wanted, name)) Reflect.deleteProperty(target, name);
  }
  for (const [name, value] of Object.entries(wanted)) {
    const now: unknown = Object.getOwnPropertyDescriptor(target, name)?.value;
    if (isContainer(now) && isContainer(value) && Array.isArray(now) === Array.isArray(value)) {
      reshape(now, value);
    } else {
      // Not an assignment, which would not make a member of `__proto__`.
      const copy = JSON.parse(JSON.stringify(value));
      Object.defineProperty(target, name, {
        value: copy,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function interruptOnce(executionId: string): void {
  if (interrupted.has(executionId)) return;
  interrupted.add(executionId);
  throw new Error('once more, from the record');
}

function luggageOf(key: string): Luggage {
  const luggage = underWay.get(key);
  if (!luggage) throw new Error(`nobody packed ${key}`);
  return luggage;
}

function same(what: string, got: unknown, wanted: unknown): void {
  const [a, b] = [canonical(got), canonical(wanted)];
  if (a !== b) throw new Error(`${what} was altered: ${a} instead of ${b}`);
}
