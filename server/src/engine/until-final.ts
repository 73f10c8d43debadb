import { type Execution, isFinal } from '../core/execution.js';
import type { Wait } from './api.js';
import type { Clock } from './clock.js';
import type { Change, Watchers } from './watchers.js';

/** Waits until an execution is final, but not longer than allowed; answers it as it then is. */
export async function untilFinal(
  port: { readonly watchers: Watchers; readonly clock: Clock; read(): Promise<Execution> },
  executionId: string,
  { waitMs, signal }: Wait,
): Promise<Change> {
  // Watched before the look, so that an end between the two is seen.
  let end = (_?: Change) => {};
  const ended = new Promise<Change | undefined>((resolve) => {
    end = resolve;
  });
  const stopWatching = port.watchers.watch(executionId, (change) => {
    if (isFinal(change.execution.status)) end(change);
  });
  const callOff = port.clock.callAt(port.clock.now() + waitMs, () => end());
  const abort = () => end();
  signal.addEventListener('abort', abort);
  try {
    const now = await port.read();
    if (isFinal(now.status) || signal.aborted) return { execution: now };
    return (await ended) ?? { execution: await port.read() };
  } finally {
    stopWatching();
    callOff();
    signal.removeEventListener('abort', abort);
  }
}
