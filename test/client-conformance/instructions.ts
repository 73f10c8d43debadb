import { z } from 'zod';

/** Anything: a literal, or a tag that the driver evaluates. Not copied, so that keys like `__proto__` stay. */
export const expression = z.unknown().optional();

const key = z
  .string()
  .min(1)
  .or(z.object({ '!value': z.string() }));
const pointers = z.record(z.string().startsWith('/'), expression);
const named = z.strictObject({ type: z.string(), message: z.string() });
const instructions = z.lazy(() => z.array(instruction));

const stepOptions = z.strictObject({
  maxRetries: z.number().optional(),
  baseDelayMs: z.number().optional(),
  maxDelayMs: z.number().optional(),
  timeoutMs: z.number().optional(),
  heartbeatTimeoutMs: z.number().optional(),
  nonRetryable: z.array(z.string()).optional(),
});

const childMembers = {
  workflow: expression,
  payload: expression,
  initialState: expression,
  queue: expression,
  concurrencyKey: expression,
  runTimeoutSeconds: expression,
  priority: expression,
  /** Whether the driver passes the workflow's definition instead of its id. */
  defined: z.boolean().optional(),
};

/** The verbs of workflows, each with what may stand beside it. */
const VERBS: Readonly<Record<string, z.ZodObject>> = {
  step: z.strictObject({
    step: key,
    returns: expression,
    do: instructions.optional(),
    /** Until its `release`, or until the function is told that the execution was cancelled. */
    holds: z.enum(['until released', 'until cancelled']).optional(),
    sleepsMs: z.number().optional(),
    heartbeats: z.strictObject({ times: z.number(), everyMs: z.number() }).optional(),
    fails: named.extend({ attempts: z.number().optional() }).optional(),
    options: stepOptions.optional(),
  }),
  uuid: z.strictObject({ uuid: key }),
  now: z.strictObject({ now: key }),
  random: z.strictObject({ random: key }),
  wait: z.strictObject({ wait: key, seconds: expression }),
  waitUntil: z.strictObject({ waitUntil: key, secondsFromNow: expression }),
  suspend: z.strictObject({ suspend: key, data: expression, timeoutSeconds: expression }),
  resume: z.strictObject({ resume: key, execution: expression, suspended: expression, data: expression }),
  waitForEvent: z.strictObject({
    waitForEvent: key,
    topic: expression,
    timeoutSeconds: expression,
    after: expression,
  }),
  publishEvent: z.strictObject({ publishEvent: key, topic: expression, type: expression, data: expression }),
  child: z.strictObject({ child: key, ...childMembers, waits: z.boolean().optional() }),
  batch: z.strictObject({
    batch: key,
    items: z.array(z.strictObject(childMembers)),
    waits: z.boolean().optional(),
  }),
  set: z.strictObject({ set: pointers }),
  increase: z.strictObject({ increase: pointers }),
  append: z.strictObject({ append: pointers }),
  remove: z.strictObject({ remove: z.string().startsWith('/') }),
  assign: z.strictObject({ assign: expression }),
  parallel: z.strictObject({ parallel: z.array(instructions), as: z.string().optional() }),
  race: z.strictObject({ race: z.array(instructions), as: z.string().optional() }),
  each: z.strictObject({ each: expression, as: z.string(), do: instructions }),
  try: z.strictObject({ try: instructions, catch: instructions }),
  throw: z.strictObject({ throw: named, attempts: z.number().optional() }),
  return: z.strictObject({ return: expression }),
};

const instruction = oneVerbOf('an instruction', VERBS);

const hook = z.strictObject({
  name: z.string(),
  do: instructions,
  maxRetries: z.number().optional(),
  baseDelayMs: z.number().optional(),
});

/** The fields of an object: a type, or what it takes; the driver makes a schema of its language of them. */
const fields = z.record(z.string(), z.unknown());

/** What becomes of a state of the version before, which is `!get old`; or why it cannot become anything. */
const migration = z.strictObject({ to: expression }).or(z.strictObject({ throws: z.string() }));

/** A workflow as data. */
export const workflow = z.strictObject({
  id: z.string().default('main'),
  stateSchema: fields.optional(),
  stateIndex: z.array(z.string()).optional(),
  stateVersion: z.number().optional(),
  /** By version. */
  migrate: z.record(z.string(), migration).optional(),
  payloadSchema: fields.optional(),
  resultSchema: fields.optional(),
  maxRetries: z.number().optional(),
  baseDelayMs: z.number().optional(),
  maxDelayMs: z.number().optional(),
  runTimeoutSeconds: z.number().optional(),
  queue: z
    .string()
    .or(z.strictObject({ name: z.string(), concurrencyLimit: z.number().optional() }))
    .optional(),
  schedule: z.string().optional(),
  triggerOnEvent: z.string().optional(),
  batchSize: z.number().optional(),
  batchTimeoutSeconds: z.number().optional(),
  onStart: z.array(hook).optional(),
  onEnd: z.array(hook).optional(),
  do: instructions,
});

/** A workflow as data. */
export type WorkflowData = z.output<typeof workflow>;

/**
 * An object that has one of the verbs as a member, and beside it what that verb takes. A union would name every verb's
 * mistakes at once.
 */
export function oneVerbOf(what: string, verbs: Readonly<Record<string, z.ZodObject>>) {
  return z.record(z.string(), z.unknown()).superRefine((value, context) => {
    const found = Object.keys(value).filter((name) => Object.hasOwn(verbs, name));
    // What stands beside a verb may be named like another one: the first is meant.
    const verb = found.find((name) => isFitting(verbs[name] as z.ZodObject, value)) ?? found[0];
    if (verb === undefined) {
      const known = Object.keys(verbs).join(', ');
      context.addIssue({ code: 'custom', message: `${what} needs one of the verbs ${known}` });
      return;
    }
    const parsed = (verbs[verb] as z.ZodObject).safeParse(value);
    for (const issue of parsed.error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: [...issue.path], message: `${verb}: ${issue.message}` });
    }
  });
}

function isFitting(schema: z.ZodObject, value: object): boolean {
  return Object.keys(value).every((name) => Object.hasOwn(schema.shape, name));
}
