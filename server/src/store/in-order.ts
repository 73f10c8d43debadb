/** Does what concerns one thing one after another, in the order in which it is asked for; what concerns others meanwhile. */
export class InOrder {
  /** The latest of each thing that is under way. */
  private readonly latest = new Map<string, Promise<unknown>>();
  /** What `join` has asked for and has not begun. */
  private readonly waiting = new Map<string, Promise<unknown>>();

  /** Whether anything is under way for `key`. */
  has(key: string): boolean {
    return this.latest.has(key);
  }

  /** Begins at once if nothing is under way for `key`, otherwise after that, however it ends. */
  run<Result>(key: string, begin: () => Promise<Result>): Promise<Result> {
    const before = this.latest.get(key);
    const doing = before ? before.then(begin, begin) : begin();
    this.latest.set(key, doing);
    const forget = () => {
      if (this.latest.get(key) === doing) this.latest.delete(key);
    };
    doing.then(forget, forget);
    return doing;
  }

  /**
   * The same for what may be done for several at once: whoever asks while it waits to begin shares it. It always begins
   * after the call.
   */
  join<Result>(key: string, begin: () => Promise<Result>): Promise<Result> {
    const joined = this.waiting.get(key);
    if (joined) return joined as Promise<Result>;
    const doing = this.run(key, async () => {
      // So that all who ask in the same turn share it.
      await undefined;
      this.waiting.delete(key);
      return begin();
    });
    this.waiting.set(key, doing);
    return doing;
  }
}
