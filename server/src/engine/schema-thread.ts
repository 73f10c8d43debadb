import { Worker } from 'node:worker_threads';
import type { JsonValue } from '../core/json.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import type { Checked } from './schema-compiler.js';

/** What the thread is asked for. Its program is schema-thread-program.ts. */
export type ThreadRequest =
  /** Answers null if the schema compiles, or why it does not. */
  | { readonly type: 'compile'; readonly text: string }
  | { readonly type: 'check'; readonly text: string; readonly value: JsonValue }
  | { readonly type: 'compare'; readonly before: string; readonly after: string };

/** What it answers, by what it was asked. */
export interface ThreadAnswers {
  readonly compile: string | null;
  readonly check: Checked;
  readonly compare: SchemaComparison;
}

/** Why there is no answer. */
export interface NoAnswer {
  readonly late: string;
}

interface Task {
  readonly request: ThreadRequest;
  readonly settle: (answer: unknown) => void;
}

/** How long one answer may take, in milliseconds. Schemas of ordinary size take some of them, the largest a second. */
export const ANSWER_MS_MAX = { compile: 5_000, check: 1_000, compare: 2_000 } as const;

/** How long the thread may take until it can be asked: it loads the validator. */
const START_MS_MAX = 30_000;

/** Schemas that the thread keeps compiled. */
export const COMPILED_MAX = 100;

/** Requests that wait for those before them. */
const WAITING_MAX = 1_000;

/** Large schemas need a deep stack; what some eat without end is taken from nobody else. */
const RESOURCES = { maxOldGenerationSizeMb: 256, stackSizeMb: 16 };

/**
 * A thread for schemas that may take long: it holds up nobody but those that wait for it, does one thing after the other,
 * and is ended when that takes too long; the next request starts another one. It starts with the first request.
 */
export class SchemaThread {
  private readonly answerMsMax: Readonly<Record<ThreadRequest['type'], number>>;
  private readonly waiting: Task[] = [];
  private task: Task | undefined;
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Texts of schemas that this thread has compiled, as its program keeps them. */
  private readonly compiled = new Set<string>();
  /** Whether the thread compiles the schema of the task, which is a check, first: that has a limit of its own. */
  private isCompilingFirst = false;

  constructor(answerMsMax: Readonly<Record<ThreadRequest['type'], number>> = ANSWER_MS_MAX) {
    this.answerMsMax = answerMsMax;
  }

  ask<Type extends ThreadRequest['type']>(
    request: Extract<ThreadRequest, { type: Type }>,
  ): Promise<ThreadAnswers[Type] | NoAnswer> {
    return new Promise((resolve) => {
      if (this.waiting.length >= WAITING_MAX) {
        resolve({ late: `${WAITING_MAX} others wait for the same` });
        return;
      }
      this.waiting.push({ request, settle: resolve as Task['settle'] });
      this.next();
    });
  }

  /** Ends the thread. What was asked is answered as too late. */
  async close(): Promise<void> {
    const { worker } = this;
    const tasks = [this.task, ...this.waiting.splice(0)];
    this.end();
    for (const task of tasks) task?.settle({ late: 'the server is about to stop' } satisfies NoAnswer);
    await worker?.terminate();
  }

  private next(): void {
    if (this.task) return;
    this.task = this.waiting.shift();
    if (!this.task) {
      // An idle thread keeps no process from ending.
      this.worker?.unref();
      return;
    }
    if (this.worker) this.send(this.worker, this.task);
    else this.start();
  }

  private start(): void {
    const worker = new Worker(PROGRAM, { resourceLimits: RESOURCES, stderr: true });
    this.worker = worker;
    this.limit(START_MS_MAX);
    worker.on('message', (answer: unknown) => {
      if (this.worker !== worker || !this.task) return;
      if (answer === 'ready' || this.isCompilingFirst) this.send(worker, this.task);
      else this.settle(answer);
    });
    worker.on('error', (error) => {
      if (this.worker === worker) this.giveUp(`it ended: ${error.message}`);
    });
  }

  private send(worker: Worker, { request }: Task): void {
    worker.ref();
    this.isCompilingFirst = request.type === 'check' && !this.compiled.has(request.text);
    const { type } = this.isCompilingFirst ? ({ type: 'compile' } as const) : request;
    if (type === 'compile' && 'text' in request) this.noteCompiled(request.text);
    this.limit(this.answerMsMax[type]);
    worker.postMessage({ ...request, type });
  }

  /** As the program does: what it keeps is let go of all at once. */
  private noteCompiled(text: string): void {
    if (this.compiled.has(text)) return;
    if (this.compiled.size >= COMPILED_MAX) this.compiled.clear();
    this.compiled.add(text);
  }

  private limit(ms: number): void {
    clearTimeout(this.timer);
    // An answer that has come while the server was busy counts.
    const late = () =>
      setImmediate(() => this.timer === timer && this.giveUp(`it took longer than ${ms} ms`));
    const timer = setTimeout(late, ms);
    this.timer = timer;
  }

  private settle(answer: unknown): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { task } = this;
    this.task = undefined;
    task?.settle(answer);
    this.next();
  }

  private giveUp(late: string): void {
    const { worker, task } = this;
    this.end();
    void worker?.terminate();
    task?.settle({ late } satisfies NoAnswer);
    this.next();
  }

  private end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.worker = undefined;
    this.task = undefined;
    this.compiled.clear();
    this.isCompilingFirst = false;
  }
}

/** Threads run what is built, also where this file runs from source, as in tests. */
const PROGRAM = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/engine/schema-thread-program.js', import.meta.url)
  : new URL('./schema-thread-program.js', import.meta.url);
