import {
  DuplicateStepKeyError,
  InvalidStepError,
  NonDeterminismError,
  WorkflowCancelledError,
} from './errors.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import type { StepKind } from './gen/polos/v1/step_pb.js';
import { isText } from './name.js';
import { currentScope } from './scope.js';
import { isBroughtByServer, kindName, type StepOutcome, type StepRequest, settle } from './step-request.js';

const KEY_BYTES_MAX = 1_024;

/** What the table tells its owner. */
export interface StepRequestsListener {
  /** The code asked for a step. */
  asked(): void;
  /** The code asked for something that the record contradicts. */
  contradicted(error: NonDeterminismError): void;
}

/** The steps that the code of one execution asked for in this run, in order. */
export class StepRequests {
  readonly #executionId: string;
  readonly #listener: StepRequestsListener;
  /** What the code waits for. */
  readonly #byKey = new Map<string, StepRequest>();
  /** Keys whose outcome the code has. Nothing else is kept of those: results belong to the code, and it may drop them. */
  readonly #settled = new Set<string>();
  /** Kinds of the steps that the record holds, pending ones included, and the code has not asked for yet. */
  readonly #recordedKinds = new Map<string, StepKind>();
  #waiting: StepRequest[] = [];
  #pendingCount = 0;
  /** How many of the pending steps the server has, so that only it can bring their outcomes. */
  #pendingOnServer = 0;
  #isCancelled = false;

  constructor(executionId: string, listener: StepRequestsListener) {
    this.#executionId = executionId;
    this.#listener = listener;
  }

  /** Takes note that the record holds a step, so that it is not carried out again. */
  record(key: string, kind: StepKind): void {
    this.#recordedKinds.set(key, kind);
  }

  /** Whether the record holds a step, or this run had the server carry it out. */
  isRecorded(key: string): boolean {
    return this.#recordedKinds.has(key);
  }

  /** How many steps the code waits for. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** Whether the code waits for nothing but outcomes that only the server can bring: of children, and of waits. */
  get awaitsOnlyServer(): boolean {
    return this.#pendingCount > 0 && this.#pendingCount === this.#pendingOnServer;
  }

  /** The request of a key, if the code asked for it and does not have its outcome. */
  get(key: string): StepRequest | undefined {
    return this.#byKey.get(key);
  }

  /**
   * Asks for a step.
   * @returns its outcome once it is delivered; rejects at once for a request that cannot be.
   */
  ask(kind: StepKind, key: string, work: StepRequest['work']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const refused = this.#refusal(kind, key);
      if (refused !== undefined) return reject(refused);
      const recordedKind = this.#recordedKinds.get(key);
      if (recordedKind !== undefined && recordedKind !== kind) {
        // Not a rejection: the code must not catch it and go on.
        return this.#listener.contradicted(kindMismatch(key, recordedKind, kind));
      }
      const isRecorded = this.#recordedKinds.delete(key);
      const command = 'toCommand' in work && !isRecorded ? work.toCommand() : undefined;
      const phase = isRecorded ? 'begun' : 'waiting';
      const request: StepRequest = { key, kind, work, phase, command, resolve, reject };
      this.#byKey.set(key, request);
      this.#pendingCount += 1;
      if (!isRecorded) this.#waiting.push(request);
      else if (isBroughtByServer(kind)) this.#pendingOnServer += 1;
      this.#listener.asked();
    });
  }

  /**
   * Takes the next step that the server carries out, if it is wanted.
   * @param rule.onlyAnswered  whether to look at those only whose outcome is in the server's answer.
   */
  takeForServer(rule: {
    readonly onlyAnswered: boolean;
    readonly isWanted: (command: Command) => boolean;
  }): StepRequest | undefined {
    const index = this.#waiting.findIndex(
      ({ command, kind }) => command !== undefined && !(rule.onlyAnswered && isBroughtByServer(kind)),
    );
    const command = this.#waiting[index]?.command;
    if (command === undefined || !rule.isWanted(command)) return undefined;
    const [request] = this.#waiting.splice(index, 1);
    if (request === undefined) return undefined;
    request.phase = 'begun';
    if (isBroughtByServer(request.kind)) this.#pendingOnServer += 1;
    return request;
  }

  /** Whether the code waits for steps that are neither recorded nor begun. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes the steps that are to be carried out here. Call once `takeForServer` has none. */
  takeWaiting(): StepRequest[] {
    const taken = this.#waiting;
    this.#waiting = [];
    for (const request of taken) request.phase = 'begun';
    return taken;
  }

  /** Takes the steps that nobody waits for at the end of the handler. Returns what there is to say of them, if there are any. */
  takeForgotten(): string | undefined {
    const keys = this.takeWaiting().map(({ key }) => `"${key}"`);
    if (keys.length === 0) return undefined;
    const message = `execution ${this.#executionId} ended without waiting for the steps ${keys.join(', ')}`;
    return `${message}: they did not run. Is an await missing?`;
  }

  /** Gives the code the outcome of a step that it asked for. */
  deliver(request: StepRequest, outcome: StepOutcome): void {
    this.#pendingCount -= 1;
    if (isBroughtByServer(request.kind)) this.#pendingOnServer -= 1;
    this.#byKey.delete(request.key);
    this.#settled.add(request.key);
    settle(request, outcome);
  }

  /** Rejects all that the code waits for, and all that it will ask for. */
  cancel(): void {
    this.#isCancelled = true;
    this.#waiting = [];
    for (const request of this.#byKey.values()) {
      if (request.phase === 'settled') continue;
      request.phase = 'settled';
      request.reject(new WorkflowCancelledError(this.#executionId));
    }
    this.#pendingCount = 0;
    this.#pendingOnServer = 0;
  }

  #refusal(kind: StepKind, key: string): Error | undefined {
    const within = currentScope.getStore()?.step?.key;
    if (within !== undefined) {
      return new InvalidStepError(
        `${kindName(kind)} was called within the function of step "${within}"; call it from the handler`,
      );
    }
    if (!isText(key, KEY_BYTES_MAX)) {
      return new InvalidStepError(`a step key must be a text of 1 to 1,024 bytes, not ${describeKey(key)}`);
    }
    if (this.#isCancelled) return new WorkflowCancelledError(this.#executionId);
    const isKnown = this.#byKey.has(key) || this.#settled.has(key);
    return isKnown ? new DuplicateStepKeyError(key) : undefined;
  }
}

function kindMismatch(key: string, recorded: StepKind, got: StepKind): NonDeterminismError {
  const message = `the record of step "${key}" is a ${kindName(recorded)}, but the code asked for a ${kindName(got)}`;
  return new NonDeterminismError(message, key);
}

function describeKey(key: unknown): string {
  if (typeof key !== 'string') return typeof key;
  return key.isWellFormed() ? `${Buffer.byteLength(key)} bytes` : 'one with a lone surrogate';
}
