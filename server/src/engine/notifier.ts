/** Lets readers wait until something changes. Whoever waits looks for himself what that was. */
export class Notifier {
  private readonly waiting = new Set<() => void>();

  /** Something changed. */
  notify(): void {
    for (const wake of [...this.waiting]) wake();
  }

  /** Resolves at the next change, or when the reader leaves. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }
}
