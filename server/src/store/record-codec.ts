import type { ExecutionEvent, PublishedEvent } from '../core/event.js';
import type { Execution, OutboxMessage } from '../core/execution.js';
import type { Failure } from '../core/failure.js';
import type { JournalEntry } from '../core/journal.js';
import type { JsonValue } from '../core/json.js';
import type { Payload } from '../core/payload.js';
import type { StepAttempt, StepFact, StepOutcome } from '../core/step.js';

/**
 * A record as JSON can hold it: bytes are base64 text, all else is as it was. Only the places whose type is a `Payload`
 * are touched, so that nothing a user wrote can be taken for bytes. A `Payload` in a new place of a record does not
 * compile until it is encoded here.
 */
export type Stored<T> = T extends JsonValue
  ? T
  : T extends Uint8Array
    ? string
    : T extends readonly (infer Item)[]
      ? readonly Stored<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Stored<T[Key]> }
        : T;

/** The JSON text of an execution. */
export function executionText(execution: Execution): string {
  return JSON.stringify(isPlainExecution(execution) ? execution : toStoredExecution(execution));
}

/** Reads an execution back from its JSON text. */
export function parseExecution(text: string): Execution {
  const stored = JSON.parse(text) as Stored<Execution>;
  return isPlainExecution(stored) ? stored : fromStoredExecution(stored);
}

/** The JSON text of a journal entry. */
export function entryText(entry: JournalEntry): string {
  return JSON.stringify(isPlainEntry(entry) ? entry : toStoredEntry(entry));
}

/** Reads a journal entry back from its JSON text. */
export function parseEntry(text: string): JournalEntry {
  const stored = JSON.parse(text) as Stored<JournalEntry>;
  return isPlainEntry(stored) ? stored : fromStoredEntry(stored);
}

/** Whether an execution needs no encoding. Nearly none does, and copying it would cost as much as writing its text. */
function isPlainExecution(
  execution: Execution | Stored<Execution>,
): execution is Execution & Stored<Execution> {
  const { failure, outbox, resumes } = execution;
  return failure === undefined && outbox.length === 0 && resumes === undefined;
}

/** The same for an entry. Failures are always encoded: they are rare, and nest. */
function isPlainEntry(
  entry: JournalEntry | Stored<JournalEntry>,
): entry is JournalEntry & Stored<JournalEntry> {
  const { result, input, events, steps } = entry;
  if (!isPlain(result) || !isPlain(input?.payload) || !steps.every(isPlainFact)) return false;
  return events.every(({ published }) => isPlain(published?.data));
}

function isPlainFact(fact: StepFact | Stored<StepFact>): boolean {
  if ('children' in fact && fact.children?.some(({ payload }) => !isPlain(payload))) return false;
  if (!('outcome' in fact)) return true;
  if (fact.outcome.type === 'failed' || !isPlain(fact.outcome.result)) return false;
  return fact.type !== 'recorded' || fact.attempts.every((attempt) => attempt.failure === undefined);
}

function isPlain(payload: Payload | Stored<Payload> | undefined): boolean {
  return payload === undefined || 'json' in payload;
}

function toStoredExecution(execution: Execution): Stored<Execution> {
  const { failure, outbox, resumes, ...rest } = execution;
  return {
    ...rest,
    ...(resumes && { resumes: mapValues(resumes, toStoredResume) }),
    ...(failure && { failure: toStoredFailure(failure) }),
    outbox: outbox.map(toStoredMessage),
  };
}

function fromStoredExecution(stored: Stored<Execution>): Execution {
  const { failure, outbox, resumes, ...rest } = stored;
  return {
    ...rest,
    ...(resumes && { resumes: mapValues(resumes, fromStoredResume) }),
    ...(failure && { failure: fromStoredFailure(failure) }),
    outbox: outbox.map(fromStoredMessage),
  };
}

type Resume = NonNullable<Execution['resumes']>[string];

function toStoredResume({ data }: Resume): Stored<Resume> {
  return data ? { data: toStoredPayload(data) } : {};
}

function fromStoredResume({ data }: Stored<Resume>): Resume {
  return data ? { data: fromStoredPayload(data) } : {};
}

/** Keys may be `__proto__`: an entry never goes through an assignment. */
function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function toStoredMessage(message: OutboxMessage): Stored<OutboxMessage> {
  switch (message.type) {
    case 'start_child':
      return { ...message, child: toStoredChild(message.child) };
    case 'publish_event':
      return { ...message, event: toStoredPublished(message.event) };
    case 'resume': {
      const { data, ...rest } = message;
      return { ...rest, ...(data && { data: toStoredPayload(data) }) };
    }
    default:
      return message;
  }
}

function fromStoredMessage(stored: Stored<OutboxMessage>): OutboxMessage {
  switch (stored.type) {
    case 'start_child':
      return { ...stored, child: fromStoredChild(stored.child) };
    case 'publish_event':
      return { ...stored, event: fromStoredPublished(stored.event) };
    case 'resume': {
      const { data, ...rest } = stored;
      return { ...rest, ...(data && { data: fromStoredPayload(data) }) };
    }
    default:
      return stored;
  }
}

type Child = { readonly payload?: Payload };

function toStoredChild<T extends Child>({ payload, ...rest }: T): Omit<T, 'payload'> & Stored<Child> {
  return { ...rest, ...(payload && { payload: toStoredPayload(payload) }) };
}

function fromStoredChild<T extends Stored<Child>>({ payload, ...rest }: T): Omit<T, 'payload'> & Child {
  return { ...rest, ...(payload && { payload: fromStoredPayload(payload) }) };
}

function toStoredEntry(entry: JournalEntry): Stored<JournalEntry> {
  const { steps, input, result, events, ...rest } = entry;
  return {
    ...rest,
    events: events.map(toStoredEvent),
    steps: steps.map(toStoredFact),
    ...(input && { input: toStoredInput(input) }),
    ...(result && { result: toStoredPayload(result) }),
  };
}

function fromStoredEntry(stored: Stored<JournalEntry>): JournalEntry {
  const { steps, input, result, events, ...rest } = stored;
  return {
    ...rest,
    events: events.map(fromStoredEvent),
    steps: steps.map(fromStoredFact),
    ...(input && { input: fromStoredInput(input) }),
    ...(result && { result: fromStoredPayload(result) }),
  };
}

function toStoredEvent({ published, ...rest }: ExecutionEvent): Stored<ExecutionEvent> {
  return published ? { ...rest, published: toStoredPublished(published) } : rest;
}

function fromStoredEvent({ published, ...rest }: Stored<ExecutionEvent>): ExecutionEvent {
  return published ? { ...rest, published: fromStoredPublished(published) } : rest;
}

/** An event of the user's as JSON can hold it. */
export function toStoredPublished({ type, data }: PublishedEvent): Stored<PublishedEvent> {
  return { type, ...(data && { data: toStoredPayload(data) }) };
}

/** The event of the user's that was stored so. */
export function fromStoredPublished({ type, data }: Stored<PublishedEvent>): PublishedEvent {
  return { type, ...(data && { data: fromStoredPayload(data) }) };
}

type Input = NonNullable<JournalEntry['input']>;

function toStoredInput({ payload, ...rest }: Input): Stored<Input> {
  return { ...rest, ...(payload && { payload: toStoredPayload(payload) }) };
}

function fromStoredInput({ payload, ...rest }: Stored<Input>): Input {
  return { ...rest, ...(payload && { payload: fromStoredPayload(payload) }) };
}

function toStoredFact(fact: StepFact): Stored<StepFact> {
  switch (fact.type) {
    case 'recorded': {
      const { children, outcome, attempts, ...rest } = fact;
      return {
        ...rest,
        outcome: toStoredOutcome(outcome),
        attempts: attempts.map(toStoredAttempt),
        ...(children && { children: children.map(toStoredChild) }),
      };
    }
    case 'pending': {
      const { children, ...rest } = fact;
      return { ...rest, ...(children && { children: children.map(toStoredChild) }) };
    }
    case 'arrived':
    case 'child_closed':
      return { ...fact, outcome: toStoredOutcome(fact.outcome) };
    case 'gathered':
    case 'state_changed':
    case 'accepted':
      return fact;
  }
}

function fromStoredFact(stored: Stored<StepFact>): StepFact {
  switch (stored.type) {
    case 'recorded': {
      const { children, outcome, attempts, ...rest } = stored;
      return {
        ...rest,
        outcome: fromStoredOutcome(outcome),
        attempts: attempts.map(fromStoredAttempt),
        ...(children && { children: children.map(fromStoredChild) }),
      };
    }
    case 'pending': {
      const { children, ...rest } = stored;
      return { ...rest, ...(children && { children: children.map(fromStoredChild) }) };
    }
    case 'arrived':
    case 'child_closed':
      return { ...stored, outcome: fromStoredOutcome(stored.outcome) };
    case 'gathered':
    case 'state_changed':
    case 'accepted':
      return stored;
  }
}

function toStoredOutcome(outcome: StepOutcome): Stored<StepOutcome> {
  if (outcome.type === 'failed') return { ...outcome, failure: toStoredFailure(outcome.failure) };
  const { result, ...rest } = outcome;
  return { ...rest, ...(result && { result: toStoredPayload(result) }) };
}

function fromStoredOutcome(stored: Stored<StepOutcome>): StepOutcome {
  if (stored.type === 'failed') return { ...stored, failure: fromStoredFailure(stored.failure) };
  const { result, ...rest } = stored;
  return { ...rest, ...(result && { result: fromStoredPayload(result) }) };
}

function toStoredAttempt({ failure, ...rest }: StepAttempt): Stored<StepAttempt> {
  return { ...rest, ...(failure && { failure: toStoredFailure(failure) }) };
}

function fromStoredAttempt({ failure, ...rest }: Stored<StepAttempt>): StepAttempt {
  return { ...rest, ...(failure && { failure: fromStoredFailure(failure) }) };
}

function toStoredFailure({ cause, details, ...rest }: Failure): Stored<Failure> {
  return {
    ...rest,
    ...(cause && { cause: toStoredFailure(cause) }),
    ...(details && { details: toStoredPayload(details) }),
  };
}

function fromStoredFailure({ cause, details, ...rest }: Stored<Failure>): Failure {
  return {
    ...rest,
    ...(cause && { cause: fromStoredFailure(cause) }),
    ...(details && { details: fromStoredPayload(details) }),
  };
}

function toStoredPayload(payload: Payload): Stored<Payload> {
  if (!('data' in payload)) return payload;
  const { buffer, byteOffset, byteLength } = payload.data;
  return { ...payload, data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

/** The bytes get memory of their own: a small `Buffer` would share, and keep alive, a pool of 8 KiB. */
function fromStoredPayload(stored: Stored<Payload>): Payload {
  return 'data' in stored ? { ...stored, data: new Uint8Array(Buffer.from(stored.data, 'base64')) } : stored;
}
