import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluate } from './expressions.mjs';
import { say } from './lines.mjs';

/** Steps whose functions wait for the runner, by project and key; a function that comes later finds its release. */
const gates = new Map();

/** Lets the function of a step go on that waits for it, or will. */
export function release(project, step) {
  gateOf(project, step).open();
}

/** Lets all functions of a project go on. */
export function releaseAll(project) {
  const own = `${JSON.stringify(project)} `;
  for (const [name, gate] of gates) {
    if (!name.startsWith(own)) continue;
    gate.open();
    gates.delete(name);
  }
}

/** The function of a `step` instruction. `runInside` runs the instructions within it. */
export function stepBody(instruction, key, scope, runInside) {
  return async (attempt) => {
    const { project, worker } = scope.host;
    say({
      event: 'ran',
      project,
      worker,
      step: key,
      attempt: attempt.attempt,
      execution: scope.ctx.executionId,
    });
    if (instruction.do !== undefined) await runInside(instruction.do);
    if (instruction.holds === 'until released') await gateOf(project, key).opened;
    if (instruction.holds === 'until cancelled' && !attempt.signal.aborted)
      await once(attempt.signal, 'abort');
    for (let beat = 0; beat < (instruction.heartbeats?.times ?? 0); beat++) {
      await sleep(instruction.heartbeats.everyMs);
      attempt.heartbeat();
    }
    if (instruction.sleepsMs !== undefined) await sleep(instruction.sleepsMs);
    const { fails } = instruction;
    if (fails !== undefined && attempt.attempt <= (fails.attempts ?? Number.POSITIVE_INFINITY)) {
      throw namedError(fails.type, fails.message);
    }
    const locals = { ...scope.locals, attempt: attempt.attempt };
    return 'returns' in instruction ? evaluate(instruction.returns, { ...scope, locals }) : undefined;
  };
}

/** An error of a type that exists nowhere but in the workflow. */
export function namedError(type, message) {
  const error = new Error(message);
  error.name = type;
  return error;
}

function gateOf(project, step) {
  const name = `${JSON.stringify(project)} ${step}`;
  const known = gates.get(name);
  if (known !== undefined) return known;
  const gate = {};
  gate.opened = new Promise((resolve) => {
    gate.open = resolve;
  });
  gates.set(name, gate);
  return gate;
}
