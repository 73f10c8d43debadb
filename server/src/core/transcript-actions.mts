import type { Action, ChildRequest } from './command.js';
import { parsePatch, parseState } from './state-document.js';
import type { StepOutcome } from './step.js';

// For tests only; `.mts`, so that the build of `src/**/*.ts` leaves it out.

/** Reads an action of a completion. */
export function readAction(line: string): Action {
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
      return { type, key: first, waits: detached === undefined, child: child(id, workflowId) };
    }
    case 'accept_outcome':
      return { type, key: first };
    case 'start_children': {
      // `KEY id:workflow id:workflow [detached]`
      const children = rest.filter((word) => word.includes(':')).map((word) => word.split(':'));
      return {
        ...{ type, key: first, waits: !rest.includes('detached') },
        children: children.map(([id = '', workflowId = '']) => child(id, workflowId)),
      };
    }
    case 'await_event': {
      const [topic = '', after, timeout] = rest;
      return {
        ...{ type, key: first, topic },
        ...(after && after !== '-' && { afterEvent: Number(after) }),
        ...(timeout && { timeoutMs: Number(timeout) }),
      };
    }
    case 'send_resume': {
      const [executionId = '', suspendedStepKey = '', ...json] = rest;
      const data = json.length > 0 && { data: { json: json.join(' ') } };
      return { type, key: first, executionId, suspendedStepKey, ...data };
    }
    case 'publish_event': {
      // `to=TOPIC` before the type
      const topic = rest[0]?.startsWith('to=') && { topic: rest[0].slice(3) };
      const [eventType = '', ...json] = topic ? rest.slice(1) : rest;
      const data = json.length > 0 && { data: { json: json.join(' ') } };
      return { type, key: first, ...topic, event: { type: eventType, ...data } };
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
    case 'migrate_state': {
      // `REVISION FROM TO DOCUMENT`
      const [fromVersion, toVersion, ...json] = rest;
      const change = readChange(json.join(' '));
      if (!('document' in change)) throw new Error(`no document: ${line}`);
      const versions = { fromVersion: Number(fromVersion), toVersion: Number(toVersion) };
      return { type, baseRevision: Number(first), ...versions, ...change };
    }
    case 'park_execution':
      return { type, failure: failure([first, ...rest].join(' ')) };
    case 'complete_execution': {
      const json = [first, ...rest].join(' ');
      return { type, ...(json && { result: { json } }) };
    }
    case 'fail_execution':
      return { type, failure: failure([first, ...rest].join(' ')) };
    case 'suspend_execution':
      return { type, isKept: first === 'kept' };
    case 'cancel_execution':
      return { type };
    default:
      throw new Error(`no action: ${line}`);
  }
}

function child(id: string, workflowId: string): ChildRequest {
  return { id, workflowId, queue: workflowId, priority: 0 };
}

function readChange(json: string): Extract<Action, { type: 'change_state' }>['change'] {
  const parsed = json.startsWith('[') ? parsePatch(json) : parseState(json);
  if ('problem' in parsed) throw new Error(`no change: ${json}`);
  return parsed;
}

/** Reads an outcome: `! Type message` failed for good, `? Type message` may be tried again; all else is the text of a result. */
export function readOutcome(text: string): StepOutcome {
  if (text.startsWith('!')) return { type: 'failed', failure: failure(text) };
  return { type: 'completed', ...(text && { result: { json: text } }) };
}

function failure(text: string) {
  const [mark, type = '', ...message] = text.split(' ');
  return { type, message: message.join(' '), retryable: mark === '?' };
}
