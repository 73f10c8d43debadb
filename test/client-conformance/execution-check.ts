import { applyPatch, EMPTY_STATE, parsePatch } from '../../server/src/core/state-document.js';
import type { Answer } from './driver-process.js';
import { differences, errorDifferences, type MatchRule } from './matching.js';
import type { Expectation } from './scenario.js';

/** A step whose function was called, and by which worker. */
export interface Ran {
  readonly step: string;
  readonly worker: string;
}

/** How an execution is looked at. */
export interface Sight {
  readonly id: string;
  readonly call: (method: string, args: object) => Promise<Answer>;
  readonly ran: readonly Ran[];
  readonly rule: MatchRule;
}

interface EventView {
  readonly sequence: number;
  readonly type: string;
  readonly stepKey: string | null;
  readonly data: unknown;
  readonly topic: string | null;
}

interface RevisionView {
  readonly revision: number;
  readonly patch: readonly unknown[];
  readonly stepKey: string | null;
}

const RESULT_SECONDS = 60;

/**
 * What of an execution is not as expected. Whatever is expected, its events must be numbered without a gap, and its state be what
 * its revisions add up to.
 */
export async function differencesOfExecution(expect: Expectation, sight: Sight): Promise<string[]> {
  const { id, call, rule } = sight;
  const outcome = await outcomeDifferences(expect, sight);
  if (outcome.length > 0) return outcome;
  const read = async (method: string, args: object = {}) =>
    valueIn(await call(method, { execution: id, ...args }));
  const info = (await read('get')) as { readonly status: string };
  const { value: state, revision } = (await read('state')) as {
    readonly value: unknown;
    readonly revision: number;
  };
  const revisions = (await read('revisions')) as readonly RevisionView[];
  const events = (await read('events', { follow: false })) as readonly EventView[];
  const status = expect.status ?? usualStatus(expect);
  return [
    ...(status === undefined ? [] : differences(status, info.status, rule, 'status')),
    ...('state' in expect ? differences(expect.state, state, rule, 'state') : []),
    ...('initial' in expect ? differences(expect.initial, firstState(revisions), rule, 'initial') : []),
    ...revisionDifferences(expect, revisions, rule),
    ...eventDifferences(expect, events, rule),
    ...ranDifferences(expect, sight),
    ...('info' in expect ? differences({ '!including': expect.info }, info, rule, 'info') : []),
    ...numberDifferences(
      'events',
      events.map(({ sequence }) => sequence),
    ),
    ...numberDifferences('revisions', [...revisions.map((each) => each.revision)], revision),
    ...differences(state, folded(revisions), rule, 'the sum of all revisions'),
  ];
}

function usualStatus({ result, error }: Expectation): string | undefined {
  if (result !== undefined) return 'completed';
  return error === undefined ? undefined : 'failed';
}

async function outcomeDifferences(expect: Expectation, { id, call, rule }: Sight): Promise<string[]> {
  const isOver = expect.status === undefined || FINAL.has(expect.status);
  if (!isOver) return [];
  const answer = await call('result', { execution: id, timeoutSeconds: RESULT_SECONDS });
  if (expect.error !== undefined) {
    if ('value' in answer) return [`expected an error, got the result ${JSON.stringify(answer.value)}`];
    return errorDifferences(expect.error, answer.error, rule);
  }
  if (expect.result === undefined) return [];
  if ('error' in answer) return [`expected a result, got the error ${JSON.stringify(answer.error)}`];
  return differences(expect.result, answer.value, rule, 'result');
}

const FINAL = new Set(['completed', 'failed', 'cancelled', 'timed_out']);

function firstState([first]: readonly RevisionView[]): unknown {
  return (first?.patch[0] as { readonly value?: unknown } | undefined)?.value;
}

function revisionDifferences(
  { revisions: expected }: Expectation,
  revisions: readonly RevisionView[],
  rule: MatchRule,
): string[] {
  if (expected === undefined) return [];
  const actual = revisions.slice(1).map(({ patch, stepKey }, index) => {
    const isPatch = Array.isArray(expected[index]) || expected[index] === undefined;
    return isPatch ? patch : { step: stepKey, patch };
  });
  return differences(expected, actual, rule, 'revisions after the first');
}

function eventDifferences(
  { events: expected }: Expectation,
  events: readonly EventView[],
  rule: MatchRule,
): string[] {
  if (expected === undefined) return [];
  const brief = ({ type, stepKey }: EventView) => (stepKey === null ? type : `${type} ${stepKey}`);
  if (!Array.isArray(expected)) return differences(expected, events.map(brief), rule, 'events');
  const actual = events.map((event, index) => {
    const wanted = expected[index];
    const isBrief = wanted === undefined || typeof wanted === 'string' || '!text' in wanted;
    if (isBrief || events.length !== expected.length) return brief(event);
    const { type, stepKey, data, topic } = event;
    return {
      type,
      ...('step' in wanted && { step: stepKey }),
      ...('data' in wanted && { data }),
      ...('topic' in wanted && { topic }),
    };
  });
  return differences(expected, actual, rule, 'events');
}

function ranDifferences({ ran: expected }: Expectation, { ran, rule }: Sight): string[] {
  if (expected === undefined) return [];
  const isOfAll = Array.isArray(expected) || Object.hasOwn(expected as object, '!unordered');
  if (isOfAll)
    return differences(
      expected,
      ran.map(({ step }) => step),
      rule,
      'ran',
    );
  const workers = new Set([...Object.keys(expected as object), ...ran.map(({ worker }) => worker)]);
  const byWorker = Object.fromEntries(
    [...workers].map((name) => [name, ran.filter(({ worker }) => worker === name).map(({ step }) => step)]),
  );
  return differences(expected, byWorker, rule, 'ran');
}

function numberDifferences(what: string, numbers: readonly number[], last = numbers.length): string[] {
  const isGapless = numbers.every((number, index) => number === index + 1) && numbers.length === last;
  return isGapless ? [] : [`${what}: are numbered ${numbers.join(', ')}, and should end with ${last}`];
}

function folded(revisions: readonly RevisionView[]): unknown {
  let document = EMPTY_STATE;
  for (const { patch, revision } of revisions) {
    const parsed = parsePatch(JSON.stringify(patch));
    const applied = 'patch' in parsed ? applyPatch(document, parsed.patch) : parsed;
    if ('problem' in applied) throw new Error(`revision ${revision}: ${JSON.stringify(applied.problem)}`);
    document = applied.document;
  }
  return document.value;
}

function valueIn(answer: Answer): unknown {
  if ('error' in answer) throw new Error(`${answer.error.type}: ${answer.error.message}`);
  return answer.value;
}
