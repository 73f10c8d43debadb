import fc from 'fast-check';
import { type Action, COMMAND_TYPES, type Command } from './command.js';
import type { PatchOperation } from './state-document.js';
import type { StepOutcome } from './step.js';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

const KEYS = ['a', 'b', '__proto__'];
const TOPICS = ['t', '__proto__'];
const WORKERS = ['w1', 'w2', 'w3'];

/** What is to be asked next. Numbers are turned into epochs, sequences and ids that fit, or nearly fit, the moment. */
export interface Move {
  readonly type: Command['type'] | 'resend';
  readonly afterMs: number;
  readonly worker: string;
  readonly key: string;
  /** 0 for what fits; others are off by that much. */
  readonly off: number;
  readonly forged: boolean;
  readonly offer: boolean;
  readonly delayMs: number;
  readonly parent: boolean;
  readonly isLimited: boolean;
  readonly topic: string;
  readonly actions: readonly ActionMove[];
  readonly outcome: StepOutcome;
  /** Of a repair. */
  readonly patch: readonly PatchOperation[];
}

/** An action, or a patch against a revision that fits or nearly fits. */
export type ActionMove =
  | Action
  | { readonly type: 'patch'; readonly patch: readonly PatchOperation[]; readonly off: number };

/** Any move. */
export function moveArbitrary(): fc.Arbitrary<Move> {
  const often = ['claim', 'complete', 'complete', 'complete', 'complete', 'resend', 'wake', 'wake'] as const;
  return fc.record({
    type: fc.constantFrom(...often, ...COMMAND_TYPES),
    afterMs: fc.oneof(fc.constantFrom(0, 1, 20_000, 30_000, 60_000), fc.nat(2_000)),
    worker: fc.constantFrom(...WORKERS),
    key: fc.constantFrom(...KEYS),
    off: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
    forged: fc.oneof(
      { weight: 9, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    offer: fc.boolean(),
    delayMs: fc.constantFrom(0, 0, 500),
    parent: fc.boolean(),
    isLimited: fc.boolean(),
    topic: fc.constantFrom(...TOPICS),
    actions: fc.oneof(
      { weight: 4, arbitrary: fc.array(actionArbitrary(), { maxLength: 4 }) },
      { weight: 1, arbitrary: waitArbitrary() },
    ),
    outcome: outcomeArbitrary(),
    patch: patchArbitrary(),
  });
}

function actionArbitrary(): fc.Arbitrary<ActionMove> {
  const key = fc.constantFrom(...KEYS);
  const failure = fc.record({ type: fc.constant('Error'), message: fc.string(), retryable: fc.boolean() });
  const child = fc.uuid().map((id) => ({ id, workflowId: 'child', queue: 'child', priority: 0 }));
  return fc.oneof(
    { weight: 4, arbitrary: recordArbitrary(key) },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constant('start_child' as const), key, waits: fc.boolean(), child }),
    },
    {
      weight: 1,
      arbitrary: fc.record(
        {
          type: fc.constant('publish_event' as const),
          key,
          topic: fc.constantFrom(...TOPICS),
          event: fc.constant({ type: 'e' }),
        },
        { requiredKeys: ['type', 'key', 'event'] },
      ),
    },
    { weight: 2, arbitrary: timerArbitrary(key) },
    {
      weight: 2,
      arbitrary: fc.record(
        {
          type: fc.constant('await_resume' as const),
          key,
          data: fc.constant(1),
          timeoutMs: fc.constant(5_000),
        },
        { requiredKeys: ['type', 'key'] },
      ),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('accept_outcome' as const), key }) },
    { weight: 4, arbitrary: changeArbitrary() },
    { weight: 2, arbitrary: fc.constant({ type: 'complete_execution' as const, result: { json: '1' } }) },
    { weight: 2, arbitrary: failure.map((failure) => ({ type: 'fail_execution' as const, failure })) },
    { weight: 2, arbitrary: batchArbitrary(key) },
    { weight: 2, arbitrary: eventWaitArbitrary(key) },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ type: fc.constant('send_resume' as const), key },
        ...{ executionId: fc.constant('y'), suspendedStepKey: fc.constant('s') },
      }),
    },
    { weight: 3, arbitrary: suspendArbitrary() },
    { weight: 1, arbitrary: fc.constant({ type: 'cancel_execution' as const }) },
  );
}

function suspendArbitrary(): fc.Arbitrary<Action> {
  return fc.record({ type: fc.constant('suspend_execution' as const), isKept: fc.boolean() });
}

/** The ids of a batch are those of its step, so that a move can name one of them. */
function batchArbitrary(key: fc.Arbitrary<string>): fc.Arbitrary<Action> {
  return fc.tuple(key, fc.boolean(), fc.integer({ min: 1, max: 3 })).map(([stepKey, waits, count]) => {
    const children = Array.from({ length: count }, (_, index) => {
      return { id: `${stepKey}-${index}`, workflowId: 'child', queue: 'child', priority: 0 };
    });
    return { type: 'start_children', key: stepKey, waits, children };
  });
}

function eventWaitArbitrary(key: fc.Arbitrary<string>): fc.Arbitrary<Action> {
  return fc.record(
    {
      ...{ type: fc.constant('await_event' as const), key, topic: fc.constantFrom(...TOPICS) },
      ...{ afterEvent: fc.nat(3), timeoutMs: fc.constant(5_000) },
    },
    { requiredKeys: ['type', 'key', 'topic'] },
  );
}

function timerArbitrary(key: fc.Arbitrary<string>): fc.Arbitrary<Action> {
  const type = fc.constant('await_timer' as const);
  return fc.oneof(
    fc.record({ type, key, delayMs: fc.constantFrom(0, 1, 900, 40_000) }),
    fc.record({ type, key, until: fc.constantFrom(0, 10_000, 100_000) }),
  );
}

/** Begins a wait of any kind and waits for it: what random actions seldom come to. */
function waitArbitrary(): fc.Arbitrary<ActionMove[]> {
  const key = fc.constantFrom(...KEYS);
  const child = fc.uuid().map((id) => ({ id, workflowId: 'child', queue: 'child', priority: 0 }));
  const begin: fc.Arbitrary<Action> = fc.oneof(
    fc.record({ type: fc.constant('start_child' as const), key, waits: fc.constant(true), child }),
    timerArbitrary(key),
    fc.record({ type: fc.constant('await_resume' as const), key }),
    batchArbitrary(key).map((action) => ({ ...action, waits: true })),
    eventWaitArbitrary(key),
  );
  return fc.tuple(begin, suspendArbitrary());
}

function recordArbitrary(key: fc.Arbitrary<string>): fc.Arbitrary<Action> {
  const kind = fc.constantFrom('run' as const, 'uuid' as const);
  return fc.record({
    ...{ type: fc.constant('record_step' as const), key, kind, outcome: outcomeArbitrary() },
    attempts: fc.constant([]),
  });
}

function outcomeArbitrary(): fc.Arbitrary<StepOutcome> {
  return fc.constantFrom<StepOutcome>(
    { type: 'completed', result: { json: '1' } },
    { type: 'completed', result: { data: new Uint8Array([1, 2]), encoding: 'x' } },
    { type: 'completed' },
    { type: 'failed', failure: { type: 'Error', message: 'no', retryable: true } },
  );
}

function patchArbitrary(): fc.Arbitrary<PatchOperation[]> {
  const path = fc.constantFrom('/a', '/list', '/list/-', '/list/0', '/__proto__', '/a~1b', '/', '');
  const value = fc.constantFrom<PatchOperation & { op: 'add' } extends { value: infer V } ? V : never>(
    ...[1, [], {}, 'é😀', { a: 1 }, null],
  );
  const operation = fc.record({ op: fc.constantFrom('add' as const, 'replace' as const), path, value });
  const removal = fc.record({ op: fc.constant('remove' as const), path });
  return fc.array(fc.oneof(operation, removal), { minLength: 1, maxLength: 3 });
}

function changeArbitrary(): fc.Arbitrary<ActionMove> {
  return fc.record({
    type: fc.constant('patch' as const),
    patch: patchArbitrary(),
    off: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
  });
}
