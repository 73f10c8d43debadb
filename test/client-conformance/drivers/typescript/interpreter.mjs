import { atPlace, evaluate, interpolate, setOwn } from './expressions.mjs';
import { describeError } from './plain.mjs';
import { namedError, stepBody } from './step-bodies.mjs';

/** What a list of instructions that did not return comes to. */
const GOES_ON = Symbol('goes on');

/** Runs a workflow's instructions as its handler. */
export async function runHandler(instructions, ctx, payload, host) {
  const scope = { ctx, payload, host, results: {}, locals: {} };
  const returned = await runAll(instructions, scope);
  return returned === GOES_ON ? undefined : returned;
}

/** Runs a hook's instructions; what they return decides. */
export async function runHook(instructions, ctx, hook, host) {
  const scope = { ctx, hook, host, results: {}, locals: {} };
  const returned = await runAll(instructions, scope);
  return returned === GOES_ON ? undefined : returned;
}

async function runAll(instructions, scope) {
  for (const instruction of instructions) {
    const returned = await run(instruction, scope);
    if (returned !== GOES_ON) return returned;
  }
  return GOES_ON;
}

/** Runs one instruction; the outcome of a step is kept among the results under its key. */
async function run(instruction, scope) {
  const verb = Object.keys(instruction).find((name) => name in CONTROL || name in STATE || name in STEPS);
  if (verb in CONTROL) return CONTROL[verb](instruction, scope);
  if (verb in STATE) {
    STATE[verb](instruction, scope);
    return GOES_ON;
  }
  const key = interpolate(instruction[verb], scope);
  const value = (name) => evaluate(instruction[name], scope);
  setOwn(scope.results, key, await STEPS[verb]({ key, instruction, scope, value, steps: scope.ctx.step }));
  return GOES_ON;
}

const CONTROL = {
  return: (instruction, scope) => evaluate(instruction.return, scope),

  throw({ throw: { type, message }, attempts = Number.POSITIVE_INFINITY }, { ctx }) {
    if (ctx.retryCount < attempts) throw namedError(type, message);
    return GOES_ON;
  },

  async try(instruction, scope) {
    try {
      return await runAll(instruction.try, scope);
    } catch (error) {
      const locals = { ...scope.locals, error: describeError(error) };
      return runAll(instruction.catch, { ...scope, locals });
    }
  },

  async each(instruction, scope) {
    for (const element of evaluate(instruction.each, scope)) {
      const locals = { ...scope.locals, [instruction.as]: element };
      const returned = await runAll(instruction.do, { ...scope, locals });
      if (returned !== GOES_ON) return returned;
    }
    return GOES_ON;
  },

  async parallel(instruction, scope) {
    const values = await Promise.all(branches(instruction.parallel, scope));
    setOwn(scope.results, instruction.as ?? 'parallel', values);
    return GOES_ON;
  },

  async race(instruction, scope) {
    setOwn(scope.results, instruction.as ?? 'race', await Promise.race(branches(instruction.race, scope)));
    return GOES_ON;
  },
};

/** What each branch returns; null for one that returns nothing. */
function branches(lists, scope) {
  return lists.map(async (list) => {
    const returned = await runAll(list, scope);
    return returned === GOES_ON ? null : returned;
  });
}

const STATE = {
  set: changeEach('set', (container, name, value) => setOwn(container, name, value)),
  increase: changeEach('increase', (container, name, value) => {
    container[name] += value;
  }),
  append: changeEach('append', (container, name, value) => container[name].push(value)),

  remove({ remove }, { ctx }) {
    atPlace(ctx.state, remove, (container, name) => {
      if (Array.isArray(container)) container.splice(Number(name), 1);
      else delete container[name];
    });
  },

  assign(instruction, scope) {
    scope.ctx.state = evaluate(instruction.assign, scope);
  },
};

function changeEach(verb, change) {
  return (instruction, scope) => {
    for (const [pointer, expression] of Object.entries(instruction[verb])) {
      const value = evaluate(expression, scope);
      atPlace(scope.ctx.state, pointer, (container, name) => change(container, name, value));
    }
  };
}

const STEPS = {
  step({ key, instruction, scope, steps }) {
    const { options = {} } = instruction;
    const { baseDelayMs: baseDelay, maxDelayMs: maxDelay, timeoutMs: timeout, ...rest } = options;
    const { heartbeatTimeoutMs: heartbeatTimeout, maxRetries, nonRetryable } = rest;
    const body = stepBody(instruction, key, scope, (list) => runAll(list, scope));
    return steps.run(key, body, { maxRetries, baseDelay, maxDelay, timeout, heartbeatTimeout, nonRetryable });
  },
  uuid: ({ key, steps }) => steps.uuid(key),
  now: ({ key, steps }) => steps.now(key),
  random: ({ key, steps }) => steps.random(key),
  wait: ({ key, value, steps }) => steps.waitFor(key, { seconds: value('seconds') }),
  waitUntil: ({ key, value, steps }) => steps.waitUntil(key, Date.now() + value('secondsFromNow') * 1_000),
  suspend: ({ key, value, steps }) =>
    steps.suspend(key, { data: value('data'), timeout: value('timeoutSeconds') }),
  resume: ({ key, value, steps }) =>
    steps.resume(key, {
      suspendExecutionId: value('execution'),
      suspendStepKey: value('suspended'),
      data: value('data'),
    }),
  waitForEvent: ({ key, value, steps }) =>
    steps.waitForEvent(key, {
      topic: value('topic'),
      timeout: value('timeoutSeconds'),
      after: value('after'),
    }),
  publishEvent({ key, instruction, value, steps }) {
    const event = { type: value('type'), data: value('data') };
    if (!('topic' in instruction)) return steps.publishWorkflowEvent(key, event);
    return steps.publishEvent(key, { topic: value('topic'), ...event });
  },
  child({ key, instruction, scope, steps }) {
    const { workflow, payload, ...options } = childOf(instruction, scope);
    const invoke = instruction.waits === false ? steps.invoke : steps.invokeAndWait;
    return invoke(key, workflow, payload, options);
  },
  batch({ key, instruction, scope, steps }) {
    const items = instruction.items.map((item) => childOf(item, scope));
    return instruction.waits === false ? steps.batchInvoke(key, items) : steps.batchInvokeAndWait(key, items);
  },
};

/** A child's workflow, payload and options. One that the driver has the definition of is given as that. */
function childOf(described, scope) {
  const value = (name) => evaluate(described[name], scope);
  const id = value('workflow');
  return {
    workflow: described.defined === true ? scope.host.definitions.get(id) : id,
    payload: value('payload'),
    initialState: value('initialState'),
    queue: value('queue'),
    concurrencyKey: value('concurrencyKey'),
    runTimeoutSeconds: value('runTimeoutSeconds'),
    priority: value('priority'),
  };
}
