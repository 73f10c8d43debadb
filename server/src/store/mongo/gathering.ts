/** What waits for the end of the turn. */
interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers the questions that are asked within one turn of the event loop, and asks them as one. */
export class Gathering<Question, Answer> {
  private waiting: Waiting<Question, Answer>[] = [];
  private readonly askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>;

  /**
   * @param askAll  answers all questions, in their order. Who wants to fail only one of them answers with a value for that.
   */
  constructor(askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.askAll = askAll;
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
      const answers = await this.askAll(asked.map(({ question }) => question));
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
