import { defineHook, type Hook, type HookContext, type HookHandler, HookResult } from './hook.js';

/** A hook that notes what it is told, and answers as it should. It is not retried. */
export function listener(told: HookContext[], answer: HookHandler = () => {}, name = 'listener'): Hook {
  return defineHook(
    (ctx, hookCtx, attempt) => {
      told.push(hookCtx);
      return answer(ctx, hookCtx, attempt);
    },
    { name, maxRetries: 0 },
  );
}

/** A hook's function, or a handler, that fails the execution. */
export function failing(message: string): HookHandler {
  return () => HookResult.fail(message);
}

/** A hook's function, or a handler, that throws. */
export function throwing(error: Error): () => never {
  return () => {
    throw error;
  };
}
