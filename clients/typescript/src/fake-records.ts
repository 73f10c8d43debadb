import type { ChildrenStarted_Child } from './gen/polos/v1/command_pb.js';
import type { Failure } from './gen/polos/v1/failure_pb.js';

/** A child that the execution under test started. */
export interface FakeChild {
  readonly stepKey: string;
  readonly workflowId: string;
  readonly payload: unknown;
  readonly initialState: unknown;
  readonly wait: boolean;
}

/** A batch that the execution under test started: what became of each child, once it is final. */
export interface FakeBatch {
  readonly stepKey: string;
  readonly children: readonly { readonly id: string; readonly workflowId: string }[];
  readonly results: Map<number, object>;
}

/** A resume that the execution under test sent. */
export interface FakeResume {
  readonly stepKey: string;
  readonly executionId: string;
  readonly suspendedStepKey: string;
  readonly data: unknown;
}

/** A wait that the execution under test began. */
export interface FakeWait {
  readonly stepKey: string;
  /** Of a timer: how long from its commit on, in milliseconds. */
  readonly delayMs?: number;
  /** Of a timer: when, in milliseconds since 1970. */
  readonly fireTime?: number;
  /** Of a suspend: what whoever resumes it should see. */
  readonly data?: unknown;
  /** Of a wait for an event: its topic, and after which event. */
  readonly topic?: string;
  readonly cursor?: string;
  /** Of a suspend, or a wait for an event: how long, in milliseconds. */
  readonly timeoutMs?: number;
}

/** An event that the execution under test published. */
export interface FakePublication {
  readonly stepKey: string;
  readonly type: string;
  readonly data: unknown;
  /** Missing for the execution's own events. */
  readonly topic?: string;
}

/** What a command says of one child. */
export type AskedChild = Pick<ChildrenStarted_Child, 'workflowId' | 'payload' | 'initialState'>;

/** What the server brings for a step. */
export type FakeOutcome = { readonly result: unknown } | { readonly failure: Failure };
