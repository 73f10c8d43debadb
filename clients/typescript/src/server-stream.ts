import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';

/** Messages that wait for the reader before the stream is paused. */
const QUEUE_MAX = 64;

/**
 * Reads a grpc-js stream as an async generator. The stream is paused while the reader is slow and cancelled when the
 * reader leaves or the signal aborts, which ends the generator quietly. (`for await` over the call itself loses errors
 * that come before the first read.)
 */
export async function* readStream<T>(
  call: ClientReadableStream<T>,
  explain: (failure: ServiceError) => Error,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const queue: T[] = [];
  let outcome: 'open' | 'ended' | { readonly failure: ServiceError } = 'open';
  let wake: () => void = () => {};
  call.on('data', (message: T) => {
    queue.push(message);
    if (queue.length >= QUEUE_MAX) call.pause();
    wake();
  });
  call.on('end', () => {
    if (outcome === 'open') outcome = 'ended';
    wake();
  });
  call.on('error', (failure: ServiceError) => {
    outcome = { failure };
    wake();
  });
  const onAbort = () => call.cancel();
  if (signal?.aborted === true) call.cancel();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) {
        if (queue.length === 0) call.resume();
        yield message;
        continue;
      }
      const state = outcome as 'open' | 'ended' | { readonly failure: ServiceError };
      if (state === 'ended' || signal?.aborted === true) return;
      if (state !== 'open') throw explain(state.failure);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    call.cancel();
  }
}
