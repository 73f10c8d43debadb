import { defineHook, defineWorkflow, HookResult } from '@polos/sdk';
import { evaluate } from './expressions.mjs';
import { runHandler, runHook } from './interpreter.mjs';
import { say } from './lines.mjs';
import { toSchema } from './schemas.mjs';

/** Workflows of the runner's data. */
export function toWorkflows(described, host) {
  const definitions = new Map();
  for (const each of described) definitions.set(each.id, toWorkflow(each, { ...host, definitions }));
  return [...definitions.values()];
}

/** One workflow. */
export function toWorkflow(described, host) {
  const {
    id,
    do: instructions,
    stateSchema,
    payloadSchema,
    resultSchema,
    onStart,
    onEnd,
    migrate,
    ...rest
  } = described;
  const { baseDelayMs: baseDelay, maxDelayMs: maxDelay, ...config } = rest;
  return defineWorkflow(
    {
      id,
      ...config,
      ...(baseDelay !== undefined && { baseDelay }),
      ...(maxDelay !== undefined && { maxDelay }),
      ...(migrate && { migrate: toMigrations(migrate) }),
      ...(stateSchema && { stateSchema: toSchema(stateSchema) }),
      ...(payloadSchema && { payloadSchema: toSchema(payloadSchema) }),
      ...(resultSchema && { outputSchema: toSchema(resultSchema) }),
      ...(onStart && { onStart: onStart.map((hook) => toHook(hook, host)) }),
      ...(onEnd && { onEnd: onEnd.map((hook) => toHook(hook, host)) }),
    },
    (ctx, payload) => runHandler(instructions, ctx, payload, host),
    { autoRegister: false },
  );
}

function toMigrations(described) {
  const functions = Object.entries(described).map(([version, { to, throws }]) => [
    version,
    (old) => {
      if (throws !== undefined) throw new Error(throws);
      return evaluate(to, { locals: { old } });
    },
  ]);
  return Object.fromEntries(functions);
}

function toHook({ name, do: instructions, maxRetries, baseDelayMs: baseDelay }, host) {
  const { project, worker } = host;
  return defineHook(
    async (ctx, hookCtx, { attempt }) => {
      say({ event: 'ran', project, worker, step: name, attempt, execution: ctx.executionId });
      const { currentPayload, currentOutput, currentError, phase } = hookCtx;
      const error = currentError && { type: currentError.type, message: currentError.message };
      const told = { payload: currentPayload, output: currentOutput, error, phase };
      const answer = await runHook(instructions, ctx, told, host);
      if (answer === undefined) return undefined;
      if (answer.fail !== undefined) return HookResult.fail(answer.fail);
      const { payload: modifiedPayload, output: modifiedOutput } = answer;
      return HookResult.continueWith({ modifiedPayload, modifiedOutput });
    },
    { name, maxRetries, baseDelay },
  );
}
