import { toFault } from './faults.js';

/** How the questions of one kind are asked. */
export interface Asking<Question, Answer> {
  /** Answers all questions, in their order. */
  readonly askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  /** What is being done for one of them, and to which id: a failure is the fault of each. */
  readonly doing: (question: Question) => string;
}

/** What waits for the end of the turn. */
interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers the questions that are asked within one turn of the event loop, and asks them as one. */
export class Gathering<Question, Answer> {
  private waiting: Waiting<Question, Answer>[] = [];
  private readonly asking: Asking<Question, Answer>;

  constructor(asking: Asking<Question, Answer>) {
    this.asking = asking;
  }

  /** Asks at the end of this turn. */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => void this.askWaiting());
      this.waiting.push({ question, resolve, reject });
    });
  }

  private async askWaiting(): Promise<void> {
    const asked = this.waiting;
    this.waiting = [];
    try {
      const answers = await this.asking.askAll(asked.map(({ question }) => question));
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { question, reject } of asked) reject(toFault(this.asking.doing(question), error));
    }
  }
}
