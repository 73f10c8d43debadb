import type { StepKind } from './gen/polos/v1/step_pb.js';
import { toPayload } from './payload.js';
import { type FreshOutcome, runStep, type StepSurroundings } from './step-body.js';
import type { StepRequest } from './step-request.js';

/** Carries out the steps of one execution that run here, and keeps their outcomes in the order in which they came. */
export class StepRunner {
  readonly #surroundings: StepSurroundings;
  readonly #ring: () => void;
  readonly #finished: FreshOutcome[] = [];
  readonly #idle: (() => void)[] = [];
  #running = 0;

  /** @param ring called when an outcome has come. */
  constructor(surroundings: StepSurroundings, ring: () => void) {
    this.#surroundings = surroundings;
    this.#ring = ring;
  }

  /** Whether any function is running. */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Resolves once no function is running. */
  async whenIdle(): Promise<void> {
    if (this.isBusy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Whether an outcome can be taken. */
  get hasFinished(): boolean {
    return this.#finished.length > 0;
  }

  /** Begins a step. */
  start(request: StepRequest): void {
    const { work, key, kind } = request;
    if (work.type === 'value') this.#finished.push(valueOutcome(key, kind, work.make()));
    if (work.type === 'run') void this.#run(request);
  }

  /** Takes the outcome that came first. */
  take(): FreshOutcome | undefined {
    return this.#finished.shift();
  }

  async #run(request: StepRequest): Promise<void> {
    if (request.work.type !== 'run') return;
    this.#running += 1;
    const outcome = await runStep(request, request.work, this.#surroundings);
    this.#running -= 1;
    this.#finished.push(outcome);
    this.#ring();
    if (!this.isBusy) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function valueOutcome(key: string, kind: StepKind, value: string | number): FreshOutcome {
  const rest = { failure: undefined, attempts: 1, attemptRecords: [], statePatch: '', childExecutionId: '' };
  return { key, kind, result: toPayload(value), ...rest };
}
