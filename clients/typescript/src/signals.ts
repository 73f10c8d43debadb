const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Calls back at the first SIGTERM or SIGINT. A second signal finds no listener of ours, and ends the process as usual.
 * @returns stops listening.
 */
export function listenForSignals(onSignal: (signal: NodeJS.Signals) => void): () => void {
  const listener = (signal: NodeJS.Signals) => {
    stop();
    onSignal(signal);
  };
  const stop = () => {
    for (const signal of SIGNALS) process.removeListener(signal, listener);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return stop;
}
