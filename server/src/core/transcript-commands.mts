import type { ClaimCommand, ClosedChild, Command } from './command.js';
import type { Snapshot } from './decision.js';
import { EMPTY_STATE, type PatchOperation, parsePatch, parseState } from './state-document.js';
import type { StepRecord } from './step.js';
import { readAction, readOutcome } from './transcript-actions.mjs';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** What is known before a command. */
export interface Before {
  readonly snapshot: Snapshot | undefined;
  readonly steps: ReadonlyMap<string, StepRecord>;
}

/** Reads a command, with the worker that waits for what it makes ready. */
export function read(
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
    ...(options.limited && { isLimited: true }),
    ...(options.version && { stateVersion: Number(options.version) }),
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
      case 'release_lease':
        return { ...named, type };
      case 'wake':
      case 'cancel':
      case 'pause':
      case 'unpause':
        return { type, at };
      case 'patch_state': {
        const [revision, ...json] = operands;
        const patch = readPatch(json.join(' '));
        const { reason = 'why', author = 'ada' } = options;
        return {
          ...{ type, at, expectedRevision: Number(revision), patch, digest: json.join() },
          reason,
          author,
        };
      }
      case 'grant_slot':
      case 'revoke_slot':
        return { type, at, turn: Number(operands[0]) };
      case 'event_arrived': {
        const [stepKey = '', topic = '', sequence] = operands;
        const result = { json: JSON.stringify({ topic, sequence: Number(sequence) }) };
        return { type, at, stepKey, topic, sequence: Number(sequence), result };
      }
      case 'children_closed': {
        // `KEY 0:id=result 1:id=!`: what has no result failed.
        const [stepKey = '', ...children] = operands;
        return { type, at, stepKey, recorded: before.steps.get(stepKey), closed: children.map(readClosed) };
      }
      case 'child_closed': {
        const [stepKey = '', childExecutionId = '', ...outcome] = operands;
        return { type, at, stepKey, childExecutionId, outcome: readOutcome(outcome.join(' ')) };
      }
      case 'resume': {
        const [stepKey = '', ...json] = operands;
        const data = json.length > 0 && { data: { json: filled(json.join(' ')) } };
        return { type, at, stepKey, recorded: before.steps.get(stepKey), ...data };
      }
      case 'outbox_delivered': {
        const [upTo, stepKey, ...outcome] = operands;
        const answer = stepKey !== undefined && { stepKey, outcome: readOutcome(outcome.join(' ')) };
        return { type, at, upTo: Number(upTo), answers: answer ? [answer] : [] };
      }
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

function readPatch(json: string): readonly PatchOperation[] {
  const parsed = parsePatch(json);
  if ('problem' in parsed) throw new Error(`no patch: ${json}`);
  return parsed.patch;
}

function isOption(word: string): boolean {
  return /^[a-z]+=/.test(word);
}

function retryPolicy(retries: string) {
  return { maxRetries: Number(retries), baseDelayMs: 1_000, maxDelayMs: 3_000 };
}

function create(at: number, options: Record<string, string>): Command {
  const [executionId = '', stepKey = '', detached] = options.parent?.split('/') ?? [];
  const index = options.index !== undefined && { index: Number(options.index) };
  const parsed = options.state === undefined ? { document: EMPTY_STATE } : parseState(options.state);
  if ('problem' in parsed) throw new Error(`no state: ${options.state}`);
  return {
    type: 'create',
    at,
    state: parsed.document,
    ...(options.limited && { isLimited: true }),
    ...(options.version && { stateVersion: Number(options.version) }),
    request: {
      ...{ id: 'x', projectId: 'p', workflowId: 'order', queue: 'order', sessionId: 's', requestDigest: 'd' },
      ...{ priority: 0, searchAttributes: {}, startDelayMs: Number(options.delay ?? 0) },
      ...(options.payload && { payload: { json: options.payload } }),
      ...(options.state && { initialState: options.state }),
      ...(options.timeout && { runTimeoutMs: Number(options.timeout) }),
      ...(options.retries && { retryPolicy: retryPolicy(options.retries) }),
      ...(options.parent && { parent: { executionId, stepKey, waits: detached === undefined, ...index } }),
      ...(options.parent && { root: { executionId, workflowId: 'parent' } }),
    },
  };
}

function readClosed(text: string): ClosedChild {
  const [, index, childExecutionId = '', result = ''] = /^(\d+):([^=]+)=(.*)$/.exec(text) ?? [];
  const outcome = result === '!' ? readOutcome('! Broken no') : readOutcome(filled(result));
  return { index: Number(index), childExecutionId, outcome };
}
