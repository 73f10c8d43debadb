import { PolosClient } from '@polos/sdk';
import { toWorkflow } from './definitions.mjs';
import { evaluate } from './expressions.mjs';
import { describeValue } from './plain.mjs';

/** Clients by project, and in it by what they are made with. */
const clients = new Map();

/** How to reach the server. */
export function clientConfig({ url, project, apiKey }) {
  return { apiUrl: url, projectId: project, apiKey };
}

/** Closes the clients of a project. */
export function forgetClients(project) {
  for (const client of clients.get(project)?.values() ?? []) client.close();
  clients.delete(project);
}

/** Makes one call of the client's API. */
export function call({ method, url, project, apiKey, definitions = [], ...rest }) {
  const client = clientFor({ url, project, apiKey });
  const known = new Map(definitions.map((each) => [each.id, toWorkflow(each, { definitions: new Map() })]));
  // Everything that a caller may give can hold what JSON cannot.
  return CALLS[method](client, evaluate(rest, { locals: {} }), (id) => known.get(id) ?? id);
}

function clientFor(request) {
  const { project, url, apiKey = '' } = request;
  if (!clients.has(project)) clients.set(project, new Map());
  const own = clients.get(project);
  const name = `${url} ${apiKey}`;
  if (!own.has(name)) own.set(name, new PolosClient(clientConfig(request)));
  return own.get(name);
}

/** Each is given the client, its arguments, and what turns a workflow's id into its definition where the runner gives that. */
const CALLS = {
  async invoke(client, { workflow, payload, options }, targetOf) {
    return (await client.invoke(targetOf(workflow), payload, options)).executionId;
  },
  async batch(client, { items, options }, targetOf) {
    const given = items.map(({ workflow, ...item }) => ({ workflow: targetOf(workflow), ...item }));
    return (await client.batchInvoke(given, options)).map(({ executionId }) => executionId);
  },
  result: (client, { execution, timeoutSeconds }) => client.getHandle(execution).getResult(timeoutSeconds),
  async get(client, { execution }) {
    const info = await client.getExecution(execution);
    const { status, statusReason, payload, result, error, workflowId, queue, retryCount, stateRevision } =
      info;
    const { stepCount, userId, sessionId, parentExecutionId, parentStepKey, rootExecutionId, initialState } =
      info;
    return {
      ...{ status, workflowId, queue, retryCount, stateRevision, stepCount, sessionId, rootExecutionId },
      ...{ statusReason: statusReason ?? null, userId: userId ?? null, initialState: initialState ?? null },
      ...{ parentExecutionId: parentExecutionId ?? null, parentStepKey: parentStepKey ?? null },
      payload: describeValue(payload),
      result: describeValue(result),
      error: error === undefined ? null : { type: error.type, message: error.message },
    };
  },
  async state(client, { execution, ...options }) {
    const { value, revision, isFinal, sizeBytes } = await client.getHandle(execution).state(options);
    return { value, revision, isFinal, sizeBytes };
  },
  revisions: (client, { execution, ...options }) =>
    collect(client.getHandle(execution).state.revisions(options), toRevision),
  watch: (client, { execution, count, ...options }) =>
    collect(client.getHandle(execution).state.watch(options), toRevision, count),
  repair: (client, { execution, patch, ...options }) =>
    client.getHandle(execution).state.patch(patch, { reason: 'a scenario', author: 'runner', ...options }),
  diff: (client, { execution, from, to }) => client.getHandle(execution).state.diff(from, to),
  events: (client, { execution, count, ...options }) =>
    collect(client.getHandle(execution).events(options), toEvent, count),
  list: (client, { options }) => collect(client.listExecutions(options), ({ id }) => id),
  cancel: (client, { execution }) => client.getHandle(execution).cancel(),
  pause: (client, { execution }) => client.getHandle(execution).pause(),
  unpause: (client, { execution }) => client.getHandle(execution).unpause(),
  resume: (client, { execution, step, data }) => client.getHandle(execution).resume(step, data),
  publish: (client, { topic, events, idempotencyKey }) =>
    client.events.batchPublish(topic, events, { idempotencyKey }),
  topic: (client, { topic, count, ...options }) =>
    collect(client.events.streamTopic(topic, options), toTopicEvent, count),
  createSchedule: (client, { workflow, cron, timezone, key, options }) =>
    client.schedules.create(workflow, cron, timezone, key, options),
  async listSchedules(client, { workflow }) {
    const found = await client.schedules.list(workflow);
    return found.map(({ id, workflowId, key, cron, timezone, paused, payload }) => {
      return { id, workflowId, key, cron, timezone, paused, payload: describeValue(payload) };
    });
  },
  pauseSchedule: (client, { schedule }) => client.schedules.pause(schedule),
  unpauseSchedule: (client, { schedule }) => client.schedules.unpause(schedule),
  deleteSchedule: (client, { schedule }) => client.schedules.delete(schedule),
  triggerSchedule: async (client, { schedule, ...options }) =>
    (await client.schedules.trigger(schedule, options)).executionId,
};

/** What an iterator gives: all, or the first so many. */
async function collect(iterator, describe, count = Number.POSITIVE_INFINITY) {
  const found = [];
  for await (const each of iterator) {
    found.push(describe(each));
    if (found.length >= count) break;
  }
  return found;
}

function toRevision({ revision, patch, stepKey, value }) {
  return { revision, patch, stepKey: stepKey ?? null, ...(value !== undefined && { value }) };
}

function toEvent({ sequence, place, executionId, workflowId, type, data, stepKey, topic, stateRevision }) {
  return {
    ...{ sequence, place, executionId, workflowId, type, stateRevision },
    ...{ data: describeValue(data), stepKey: stepKey ?? null, topic: topic ?? null },
  };
}

function toTopicEvent({ topic, sequence, type, data, executionId }) {
  return { topic, sequence, type, data: describeValue(data), executionId: executionId ?? null };
}
