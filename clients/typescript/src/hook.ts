import type { WorkflowContext } from './context.js';
import type { RemoteError } from './errors.js';
import { isText } from './name.js';
import type { StepAttempt, StepOptions } from './step.js';

/** When a hook runs: before the handler, or once the execution's outcome is decided. */
export type HookPhase = 'onStart' | 'onEnd';

/** What a hook is told. Payload and output are copies: a hook changes them with `HookResult.continueWith` only. */
export interface HookContext<TPayload = unknown> {
  /** The workflow's id. */
  readonly workflowId: string;
  /** The execution's session. */
  readonly sessionId: string;
  /** The user on whose behalf it runs, if the caller said. */
  readonly userId: string | undefined;
  /** What the handler receives, as the hooks before this one made it. */
  readonly currentPayload: TPayload;
  /** In onEnd after a success: what the caller gets, as the hooks before this one made it. Else undefined. */
  readonly currentOutput: unknown;
  /** In onEnd after a failure: the very error that the caller gets as the cause of its WorkflowFailedError. Else undefined. */
  readonly currentError: RemoteError | undefined;
  /** When it runs. */
  readonly phase: HookPhase;
}

/** What a hook decided. Make it with `HookResult`. */
export interface HookResultType {
  /** Whether the execution goes on. */
  readonly continue: boolean;
  /** Why it does not. */
  readonly error?: string | undefined;
  /** The payload from here on; counts in onStart. */
  readonly modifiedPayload?: unknown;
  /** The output from here on; counts in onEnd after a success. */
  readonly modifiedOutput?: unknown;
}

/** What a hook may return. */
export const HookResult = {
  /** Goes on; the same as returning nothing. */
  continue: (): HookResultType => ({ continue: true }),

  /**
   * Goes on with another payload (onStart) or output (onEnd after a success), plain JSON data. The payload must be what a
   * caller could have sent: it goes through `payloadSchema`; the output through `outputSchema`. Undefined changes nothing.
   */
  continueWith: (changes: Pick<HookResultType, 'modifiedPayload' | 'modifiedOutput'>): HookResultType => ({
    continue: true,
    ...changes,
  }),

  /** Fails the execution for good, with a HookExecutionError of this message. A failure that came first stays. */
  fail: (message: string): HookResultType => ({ continue: false, error: message }),
};

/**
 * The code of a hook. It is the function of a step: it may do I/O, its changes of `ctx.state` count once it has succeeded,
 * it is retried when it throws, and it must not use `ctx.step`.
 */
export type HookHandler<TPayload = unknown, TState = unknown> = (
  ctx: WorkflowContext<TState>,
  hookCtx: HookContext<TPayload>,
  attempt: StepAttempt,
) => HookAnswer | Promise<HookAnswer>;

// biome-ignore lint/suspicious/noConfusingVoidType: a hook may be a function that returns nothing.
type HookAnswer = HookResultType | undefined | void;

/** How a hook is called, and how it is retried: as `step.run` does. */
export interface DefineHookOptions extends StepOptions {
  /**
   * Its part of the key under which it is recorded, 1 to 200 bytes. Default: the function's name, or "hook". A name that
   * changes is a changed program; give one if your build renames functions.
   */
  readonly name?: string | undefined;
  /** What it does, for people. */
  readonly description?: string | undefined;
}

/** A hook with its name and options. */
export interface Hook<TPayload = unknown, TState = unknown> extends DefineHookOptions {
  readonly handler: HookHandler<TPayload, TState>;
}

/** The hooks of one phase: one, or a list that runs in its order. */
export type Hooks<TPayload, TState> =
  | HookHandler<TPayload, TState>
  | Hook<TPayload, TState>
  | readonly (HookHandler<TPayload, TState> | Hook<TPayload, TState>)[];

/**
 * Defines a hook for `onStart` or `onEnd` of any number of workflows. Its types are given by hand:
 * `defineHook<Payload, State>(handler)`; those of a function, or of an object `{ name, handler }`, that stands in a
 * workflow's config are inferred.
 * @throws TypeError if the handler is no function, or for a name that is none.
 */
export function defineHook<TPayload = unknown, TState = unknown>(
  handler: HookHandler<TPayload, TState>,
  options: DefineHookOptions = {},
): Hook<TPayload, TState> {
  const hook = { ...options, handler };
  assertHook(hook);
  return hook;
}

/** Whether a value is a hook that `defineHook` made, or one like it. */
export function isHook(value: unknown): value is Hook {
  const isObject = typeof value === 'object' && value !== null;
  return isObject && 'handler' in value && typeof value.handler === 'function';
}

/** A hook at its place in a workflow, whatever its types are. */
export interface PlacedHook extends StepOptions {
  readonly name: string;
  readonly phase: HookPhase;
  /** The key under which it is recorded. */
  readonly key: string;
  readonly handler: HookHandler;
}

/**
 * The hooks of a workflow's config in their order.
 * @throws TypeError for what is no hook.
 */
export function placeHooks(hooks: Hooks<never, never> | undefined, phase: HookPhase): PlacedHook[] {
  if (hooks === undefined) return [];
  const prefix = phase === 'onStart' ? 'on_start' : 'on_end';
  return [hooks].flat().map((member: unknown, index) => {
    const hook = typeof member === 'function' ? { handler: member } : member;
    assertHook(hook);
    const name = hookName(hook);
    return { ...hook, name, phase, key: `${prefix}.${name}.${index}` };
  });
}

function assertHook(hook: unknown): asserts hook is Hook {
  if (!isHook(hook)) throw new TypeError('a hook must be a function, or what defineHook returns');
  const { name } = hook;
  if (name === undefined || isText(name, 200)) return;
  throw new TypeError("a hook's name must be a text of 1 to 200 bytes");
}

function hookName({ name, handler }: Hook): string {
  return name ?? (handler.name || 'hook');
}
