import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Action, ClaimCommand, Command } from './command.js';
import { COMMAND_TYPES } from './command.js';
import type { Decision, Effect, Snapshot } from './decision.js';
import { EVENT_TYPES } from './event.js';
import { EXECUTION_STATUSES, type Execution, type OutboxMessage } from './execution.js';
import type { Payload } from './payload.js';
import { EMPTY_STATE, parsePatch, parseState } from './state-document.js';
import { addFacts, type StepFact, type StepOutcome, type StepRecord } from './step.js';
import { transition } from './transition.js';

// A transcript is a conversation with one execution. `## sentence` begins a scenario; `@time command` is a command, `+`
// lines below it are the actions of a completion; the indented lines are what `transition` decided. Leases have the
// tokens t1, t2, ..., which are also what a command sends if it does not say otherwise. UPDATE_TRANSCRIPTS=1 rewrites the
// indented lines.

const FOLDER = join(import.meta.dirname, 'testdata');
const seen = new Set<string>();

for (const file of readdirSync(FOLDER).sort()) {
  describe(file, () => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    const scenarios = text.split(/^(?=## )/m);
    const played = scenarios.map(play);
    if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(join(FOLDER, file), played.join(''));
    for (const [index, scenario] of scenarios.entries()) {
      const name = scenario.startsWith('## ') ? scenario.slice(3, scenario.indexOf('\n')) : undefined;
      if (name)
        test(name, () =>
          expect(played[index]).toBe(process.env.UPDATE_TRANSCRIPTS ? played[index] : scenario),
        );
    }
  });
}

const cells = ['(none)', ...EXECUTION_STATUSES].flatMap((status) =>
  COMMAND_TYPES.map((command) => `${command} x ${status}`),
);
const rejections = [
  'already_exists',
  'not_found',
  'not_ready',
  'lease_lost',
  'lease_forged',
  'sequence_gap',
].concat([
  'result_conflict',
  'closed',
  'state_refused',
  'state_revision_conflict',
  'not_cancelled',
  'malformed',
  'limit',
]);
const actions = ['record_step', 'start_child', 'accept_outcome', 'change_state', 'complete_execution'].concat(
  ['fail_execution', 'suspend_execution', 'cancel_execution', 'await_timer', 'await_resume', 'publish_event'],
);
const effects = ['ready', 'lease_revoked', 'cancel_requested', 'outcome_arrived', 'outbox'];

test.each([
  ...cells,
  ...rejections.map((type) => `rejection ${type}`),
  ...actions.map((type) => `action ${type}`),
  ...effects.map((type) => `effect ${type}`),
  ...EVENT_TYPES.map((type) => `event ${type}`),
])('the transcripts show: %s', (what) => {
  expect(seen).toContain(what);
});

/** The text of a scenario with what is decided now. */
function play(scenario: string): string {
  let snapshot: Snapshot | undefined;
  const steps = new Map<string, StepRecord>();
  const lines = scenario.split('\n').filter((line) => !line.startsWith('  '));
  return lines
    .flatMap((line, index) => {
      const next = lines[index + 1] ?? '';
      if (line.startsWith('+ ') && next.startsWith('+ ')) return [line];
      const first = lines.slice(0, index + 1).findLastIndex((each) => each.startsWith('@'));
      const isEnd = (line.startsWith('@') || line.startsWith('+ ')) && !next.startsWith('+ ');
      if (!isEnd) return [line];
      const command = read(lines[first] as string, lines.slice(first + 1, index + 1), { snapshot, steps });
      const decision = transition(snapshot, command.command, command.offer);
      note(snapshot, command.command, decision);
      if (decision.type === 'commit') {
        snapshot = decision.next;
        addFacts(steps, decision.entry?.steps ?? [], command.command.at);
      }
      return [line, ...written(decision).map((each) => `  ${each}`)];
    })
    .join('\n');
}

function note(snapshot: Snapshot | undefined, command: Command, decision: Decision): void {
  seen.add(`${command.type} x ${snapshot?.execution.status ?? '(none)'}`);
  if (command.type === 'complete' && decision.type === 'commit') {
    for (const action of command.actions) seen.add(`action ${action.type}`);
  }
  if (decision.type === 'rejected') seen.add(`rejection ${decision.rejection.type}`);
  if (decision.type !== 'commit') return;
  for (const event of decision.entry?.events ?? []) seen.add(`event ${event.type}`);
  for (const effect of decision.effects) seen.add(`effect ${effect.type}`);
}

interface Before {
  readonly snapshot: Snapshot | undefined;
  readonly steps: ReadonlyMap<string, StepRecord>;
}

function read(
  line: string,
  actionLines: readonly string[],
  before: Before,
): { readonly command: Command; readonly offer?: ClaimCommand } {
  const [time = '', type, ...words] = line.split(' ');
  const at = Number(time.slice(1));
  const options = Object.fromEntries(words.filter(isOption).map((word) => word.split(/=(.*)/s)));
  const operands = words.filter((word) => !isOption(word));
  const epoch = before.snapshot?.execution.epoch ?? 0;
  const claim = (workerId = ''): ClaimCommand => ({
    ...{ type: 'claim', at, workerId, token: `t${epoch + 1}`, leaseMs: Number(options.lease ?? 30_000) },
    defaults: {
      ...(options.retries && { retryPolicy: retryPolicy(options.retries) }),
      ...(options.timeout && { runTimeoutMs: Number(options.timeout) }),
    },
  });
  const named = {
    at,
    epoch: Number(options.epoch ?? epoch),
    token: options.token ?? `t${options.epoch ?? epoch}`,
  };
  const command = (): Command => {
    switch (type) {
      case 'create':
        return create(at, options);
      case 'claim':
        return claim(operands[0]);
      case 'complete':
        return {
          ...{ ...named, type, sequence: Number(operands[0]), recorded: before.steps },
          ...{ digest: options.digest ?? actionLines.join(';'), actions: actionLines.map(readAction) },
          stateUnsettled: operands.includes('unsettled'),
        };
      case 'extend_lease':
        return { ...named, type };
      case 'wake':
      case 'cancel':
        return { type, at };
      case 'child_closed': {
        const [stepKey = '', childExecutionId = '', ...outcome] = operands;
        return { type, at, stepKey, childExecutionId, outcome: readOutcome(outcome.join(' ')) };
      }
      case 'resume': {
        const [stepKey = '', ...json] = operands;
        const data = json.length > 0 && { data: { json: filled(json.join(' ')) } };
        return { type, at, stepKey, recorded: before.steps.get(stepKey), ...data };
      }
      case 'outbox_delivered':
        return { type, at, upTo: Number(operands[0]) };
      default:
        throw new Error(`no command: ${line}`);
    }
  };
  return { command: command(), ...(options.offer && { offer: claim(options.offer) }) };
}

/** `<1000>` stands for so many characters. */
function filled(json: string): string {
  return json.replace(/<(\d+)>/, (_, length) => 'x'.repeat(Number(length)));
}

function isOption(word: string): boolean {
  return /^[a-z]+=/.test(word);
}

function retryPolicy(retries: string) {
  return { maxRetries: Number(retries), baseDelayMs: 1_000, maxDelayMs: 3_000 };
}

function create(at: number, options: Record<string, string>): Command {
  const [executionId = '', stepKey = '', detached] = options.parent?.split('/') ?? [];
  const parsed = options.state === undefined ? { document: EMPTY_STATE } : parseState(options.state);
  if ('problem' in parsed) throw new Error(`no state: ${options.state}`);
  return {
    type: 'create',
    at,
    state: parsed.document,
    request: {
      ...{ id: 'x', projectId: 'p', workflowId: 'order', queue: 'order', sessionId: 's', requestDigest: 'd' },
      ...{ priority: 0, searchAttributes: {}, startDelayMs: Number(options.delay ?? 0) },
      ...(options.payload && { payload: { json: options.payload } }),
      ...(options.state && { initialState: options.state }),
      ...(options.timeout && { runTimeoutMs: Number(options.timeout) }),
      ...(options.retries && { retryPolicy: retryPolicy(options.retries) }),
      ...(options.parent && { parent: { executionId, stepKey, waits: detached === undefined } }),
      ...(options.parent && { root: { executionId, workflowId: 'parent' } }),
    },
  };
}

function readAction(line: string): Action {
  const [, type, first = '', ...rest] = line.split(' ');
  switch (type) {
    case 'record_step': {
      const [word = ''] = rest;
      const kind = word === 'uuid' || word === 'now' || word === 'random' ? word : 'run';
      const outcome = readOutcome(rest.slice(kind === 'run' ? 0 : 1).join(' '));
      return { type, key: first, kind, outcome, attempts: [] };
    }
    case 'start_child': {
      const [workflowId = '', id = '', detached] = rest;
      const child = { id, workflowId, queue: workflowId, priority: 0 };
      return { type, key: first, waits: detached === undefined, child };
    }
    case 'accept_outcome':
      return { type, key: first };
    case 'publish_event': {
      const [eventType = '', ...json] = rest;
      const data = json.length > 0 && { data: { json: json.join(' ') } };
      return { type, key: first, event: { type: eventType, ...data } };
    }
    case 'await_timer': {
      const [preposition, ms] = rest;
      return {
        type,
        key: first,
        ...(preposition === 'at' ? { until: Number(ms) } : { delayMs: Number(ms) }),
      };
    }
    case 'await_resume': {
      const [json, timeout] = rest;
      return {
        ...{ type, key: first },
        ...(json && { data: JSON.parse(json) }),
        ...(timeout && { timeoutMs: Number(timeout) }),
      };
    }
    case 'change_state':
      return { type, baseRevision: Number(first), change: readChange(rest.join(' ')) };
    case 'complete_execution': {
      const json = [first, ...rest].join(' ');
      return { type, ...(json && { result: { json } }) };
    }
    case 'fail_execution':
      return { type, failure: failure([first, ...rest].join(' ')) };
    case 'suspend_execution':
    case 'cancel_execution':
      return { type };
    default:
      throw new Error(`no action: ${line}`);
  }
}

function readChange(json: string): Extract<Action, { type: 'change_state' }>['change'] {
  const parsed = json.startsWith('[') ? parsePatch(json) : parseState(json);
  if ('problem' in parsed) throw new Error(`no change: ${json}`);
  return parsed;
}

/** `! Type message` failed for good, `? Type message` may be tried again; all else is the text of a result. */
function readOutcome(text: string): StepOutcome {
  if (text.startsWith('!')) return { type: 'failed', failure: failure(text) };
  return { type: 'completed', ...(text && { result: { json: text } }) };
}

function failure(text: string) {
  const [mark, type = '', ...message] = text.split(' ');
  return { type, message: message.join(' '), retryable: mark === '?' };
}

function written(decision: Decision): string[] {
  if (decision.type === 'unchanged') return ['unchanged'];
  if (decision.type === 'rejected') {
    const { type, ...details } = decision.rejection;
    return [`rejected ${type}${Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : ''}`];
  }
  const { next, entry, effects } = decision;
  const { execution, state } = next;
  const lines = [summary(execution)];
  if (entry?.input?.payload) lines.push(`payload ${payloadText(entry.input.payload)}`);
  for (const [index, { type, stepKey, data, published }] of (entry?.events ?? []).entries()) {
    const number = (entry?.firstEvent ?? 0) + index;
    const value = published
      ? `${published.type} ${payloadText(published.data ?? { json: '' })}`
      : JSON.stringify(data);
    lines.push(`event ${number} ${type}${stepKey === undefined ? '' : ` ${stepKey}`} ${value}`.trimEnd());
  }
  for (const fact of entry?.steps ?? []) lines.push(`step ${factText(fact)}`);
  if (entry?.patch || entry?.input) {
    lines.push(
      `state r${execution.stateRevision} ${execution.stateBytes} bytes ${JSON.stringify(state.value)}`,
    );
  }
  if (entry?.result) lines.push(`result ${payloadText(entry.result)}`);
  if (execution.failure) lines.push(`failure ${execution.failure.type}: ${execution.failure.message}`);
  if (execution.outbox.length > 0) lines.push(`outbox ${execution.outbox.map(messageText).join(', ')}`);
  return [...lines, ...effects.map((effect) => `effect ${effectText(effect)}`)];
}

function summary(execution: Execution): string {
  const { status, version, epoch, ready, readyAt, lease, waits, failedAttempts, lostLeases } = execution;
  const waiting = Object.entries(waits).map(
    ([key, { childExecutionId, until = 'a resume', arrived }]) =>
      `${key}=${childExecutionId ?? until}${arrived ? '(arrived)' : ''}`,
  );
  const resumed = Object.keys(execution.resumes ?? {});
  return [
    `${status} v${version} e${epoch}`,
    status === 'queued' && (ready ? `ready since ${readyAt}` : `ready at ${readyAt}`),
    lease && `lease of ${lease.workerId} until ${lease.expiresAt} after ${lease.completions} completions`,
    execution.cancelRequestedAt !== undefined && `cancel asked at ${execution.cancelRequestedAt}`,
    waiting.length > 0 && `waits for ${waiting.join(' ')}`,
    resumed.length > 0 && resumed.length < 10 && `keeps what resumed ${resumed.join(' ')}`,
    execution.runTimeoutMs !== undefined && `ran ${execution.runMs} of ${execution.runTimeoutMs} ms before`,
    failedAttempts > 0 && `failed ${failedAttempts} times`,
    lostLeases > 0 && `lost ${lostLeases} leases`,
    execution.stateUnsettled && 'state unsettled',
    execution.closedAt !== undefined && `closed at ${execution.closedAt}`,
  ]
    .filter((part) => part)
    .join(', ');
}

function factText(fact: StepFact): string {
  switch (fact.type) {
    case 'recorded':
      return `recorded ${fact.key} ${fact.kind} #${fact.sequence}${outcomeText(fact.outcome)}`;
    case 'pending':
      return `pending ${fact.key} ${fact.kind}${fact.childExecutionId ? ` for ${fact.childExecutionId}` : ''}`;
    case 'arrived':
      return `arrived ${fact.key}${outcomeText(fact.outcome)}`;
    case 'accepted':
      return `accepted ${fact.key} #${fact.sequence}`;
  }
}

function outcomeText(outcome: StepOutcome): string {
  if (outcome.type === 'failed') return ` ! ${outcome.failure.type} ${outcome.failure.message}`;
  return outcome.result ? ` = ${payloadText(outcome.result)}` : ' without a result';
}

function payloadText(payload: Payload): string {
  return 'json' in payload ? payload.json : `${payload.data.length} bytes ${payload.encoding}`;
}

function messageText(message: OutboxMessage): string {
  const { id, type } = message;
  if (type === 'start_child') return `${id} ${type} ${message.child.id} ${message.child.workflowId}`;
  if (type === 'child_closed') return `${id} ${type} ${message.executionId}/${message.stepKey}`;
  return `${id} ${type}`;
}

function effectText({ type, ...details }: Effect): string {
  return [type, ...Object.values(details)].join(' ');
}
