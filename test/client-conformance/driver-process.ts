import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Language } from './languages.js';

/** An error as a driver describes it. */
export interface DescribedError {
  readonly type: string;
  readonly message: string;
}

/** What a driver says without being asked. */
export interface Report {
  readonly event: string;
  readonly project?: string;
  readonly worker?: string;
  /** The step whose function is about to be called. */
  readonly step?: string;
}

/** What came of a request. */
export type Answer = { readonly value: unknown } | { readonly error: DescribedError };

/** A process of one language's driver. Requests may overlap; each is answered by its id. */
export class DriverProcess {
  readonly language: Language;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  readonly #ready: Promise<unknown>;
  #lastId = 0;
  #isOver = false;

  /** @param note called with each report, at once. */
  constructor(language: Language, note: (report: Report) => void) {
    this.language = language;
    const [program, ...args] = language.command;
    const env = { ...process.env, POLOS_LOG_LEVEL: 'silent', ...language.env };
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#exited = once(this.#child, 'exit').then(() => this.#end());
    this.#ready = new Promise((resolve) => {
      if (this.#child.stdout === null) throw new Error('the driver has no standard output');
      createInterface(this.#child.stdout).on('line', (line) => {
        const message = JSON.parse(line) as Report & { readonly id?: number } & Answer;
        if (message.event === 'ready') resolve(undefined);
        else if (message.id === undefined) note(message);
        else this.#settle(message.id, message);
      });
    });
  }

  /** Asks for something; resolves also to an error. Rejects if the driver dies. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    await Promise.race([this.#ready, this.#exited]);
    if (this.#isOver) throw new Error(`the driver of ${this.language.name} has ended`);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Answer>((resolve) => {
      this.#pending.set(id, resolve);
    });
    this.#child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    return answer;
  }

  /** Sends a signal, and waits until the process has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.#isOver) this.#child.kill(signal);
    await this.#exited;
  }

  #settle(id: number, answer: Answer): void {
    this.#pending.get(id)?.(answer);
    this.#pending.delete(id);
  }

  #end(): void {
    this.#isOver = true;
    const error = { type: 'DriverEnded', message: `the driver of ${this.language.name} ended` };
    for (const resolve of this.#pending.values()) resolve({ error });
    this.#pending.clear();
  }
}
