import { z } from 'zod';
import { expression, oneVerbOf, workflow } from './instructions.js';

const name = z.string().min(1);

/** What may stand beside every call of the client. */
const common = {
  /** What the call's value is known by from here on: an execution, a schedule. */
  as: name.optional(),
  /** What the call answers; see matching.ts. */
  expect: expression,
  /** What the call fails with. */
  error: expression,
  /** The call goes on while the next actions happen; `finish` waits for it, by this name. */
  later: name.optional(),
  apiKey: z.string().optional(),
  /** Whether the call is made in another project. */
  elsewhere: z.boolean().optional(),
};

const call = (members: z.ZodRawShape) => z.strictObject({ ...common, ...members });
const onExecution = (verb: string, members: z.ZodRawShape = {}) => call({ [verb]: name, ...members });
const onSchedule = (verb: string, members: z.ZodRawShape = {}) => call({ [verb]: name, ...members });
const defined = z.boolean().optional();
const count = z.number().optional();

/** The calls of a client's API, each with its arguments. The verb itself holds the first of them. */
const CALLS: Readonly<Record<string, z.ZodObject>> = {
  invoke: call({ invoke: z.string(), payload: expression, options: expression, defined }),
  batch: call({ batch: z.array(expression), options: expression, defined, as: z.array(name).optional() }),
  result: onExecution('result', { timeoutSeconds: z.number().optional() }),
  get: onExecution('get'),
  state: onExecution('state', { revision: expression, paths: expression }),
  revisions: onExecution('revisions', { after: expression }),
  repair: onExecution('repair', {
    patch: expression,
    expectedRevision: expression,
    reason: expression,
    author: expression,
  }),
  watch: onExecution('watch', { after: expression, count }),
  diff: onExecution('diff', { from: z.number(), to: z.number() }),
  events: onExecution('events', { after: expression, follow: expression, descendants: expression, count }),
  /** Lists executions, by their ids. */
  list: call({ list: z.record(z.string(), z.unknown()) }),
  cancel: onExecution('cancel'),
  pause: onExecution('pause'),
  unpause: onExecution('unpause'),
  resume: onExecution('resume', { step: expression, data: expression }),
  publish: call({ publish: expression, events: z.array(expression), idempotencyKey: expression }),
  topic: call({ topic: expression, after: expression, follow: expression, count }),
  createSchedule: call({
    createSchedule: z.string(),
    cron: expression,
    timezone: expression,
    key: expression,
    options: expression,
  }),
  listSchedules: call({ listSchedules: z.string() }),
  pauseSchedule: onSchedule('pauseSchedule'),
  unpauseSchedule: onSchedule('unpauseSchedule'),
  deleteSchedule: onSchedule('deleteSchedule'),
  triggerSchedule: onSchedule('triggerSchedule', { idempotencyKey: expression }),
};

/** What the runner does itself, beside the client's calls. */
const DEEDS: Readonly<Record<string, z.ZodObject>> = {
  /** A worker of that name; it serves all workflows, or those named, or what the code was changed to. */
  start: z.strictObject({
    start: name,
    serves: z.array(z.string()).optional(),
    changed: z.boolean().optional(),
    unattended: z.boolean().optional(),
    concurrency: z.number().optional(),
    apiKey: z.string().optional(),
    /** What the worker warned of until the server accepted it. */
    expect: expression,
    error: expression,
  }),
  /** kill -9. */
  kill: z.strictObject({ kill: name }),
  /** SIGTERM, and its end. */
  stop: z.strictObject({ stop: name }),
  /** Lets a step go on that `holds`. */
  release: z.strictObject({ release: name }),
  /** Waits until a step's function was called, an execution is somewhere in its life, or has an event. */
  until: z.strictObject({
    until: z.strictObject({
      ran: name.optional(),
      times: z.number().optional(),
      of: name.default('run'),
      status: z.string().optional(),
      reason: z.string().optional(),
      event: z.string().optional(),
    }),
  }),
  /** Gives a name to the child that a step of an execution started. */
  child: z.strictObject({ child: name, of: name.default('run'), as: name }),
  server: z.strictObject({ server: z.enum(['kill', 'stop', 'start']) }),
  finish: z.strictObject({ finish: name, as: name.optional(), expect: expression, error: expression }),
};

const revision = z.array(z.unknown()).or(z.strictObject({ step: z.string().nullable(), patch: expression }));

const pattern = z.strictObject({ '!text': z.string() });

const event = z.union([
  z.string(),
  pattern,
  z.strictObject({
    type: z.string(),
    step: z.string().optional(),
    data: expression,
    topic: expression,
  }),
]);

/** What an execution comes to. What is left out is not compared. */
const expectation = z.strictObject({
  result: expression,
  error: expression,
  status: z.string().optional(),
  state: expression,
  /** The state that it was created with, which is revision 1. */
  initial: expression,
  /** The patches of the revisions from 2 on. */
  revisions: z.array(revision).optional(),
  events: z
    .array(event)
    .or(z.strictObject({ '!unordered': z.array(z.string()) }))
    .optional(),
  /** The steps whose functions were called, in order; by worker, or of all. */
  ran: expression,
  info: expression,
});

const scenario = z
  .strictObject({
    scenario: z.string().min(10),
    workflow: workflow.optional(),
    workflows: z.array(workflow).min(1).optional(),
    /** The same workflows after a change of their code. */
    changed: z.array(workflow).optional(),
    /** Of the invocation that happens if `when` is left out. */
    payload: expression,
    initialState: expression,
    /** The server asks for one of these. */
    apiKeys: z.array(z.string()).optional(),
    when: z.array(oneVerbOf('an action', { ...DEEDS, ...CALLS })).optional(),
    expect: expectation.optional(),
  })
  .superRefine((value, context) => {
    if ((value.workflow === undefined) === (value.workflows === undefined)) {
      context.addIssue({ code: 'custom', message: 'needs either workflow or workflows' });
    }
    if (value.when === undefined && value.expect === undefined) {
      context.addIssue({ code: 'custom', message: 'expects nothing' });
    }
  });

/** A file of scenarios. */
export const scenarios = z.array(scenario).min(1);

/** One scenario as it is written. */
export type ScenarioData = z.output<typeof scenario>;

/** What an execution comes to. */
export type Expectation = z.output<typeof expectation>;

/** One thing that happens in a scenario: `verb` is a member of it. */
export type Action = Readonly<Record<string, unknown>>;

/** The verb of an action, and whether it is a call of the client. */
export function verbOf(action: Action): { readonly verb: string; readonly isCall: boolean } {
  const names = Object.keys(action);
  const verb = names.find((each) => fits(DEEDS[each], names) || fits(CALLS[each], names));
  if (verb === undefined) throw new Error(`no verb in ${JSON.stringify(action)}`);
  return { verb, isCall: fits(CALLS[verb], names) };
}

function fits(schema: z.ZodObject | undefined, names: readonly string[]): boolean {
  return schema !== undefined && names.every((each) => Object.hasOwn(schema.shape, each));
}
