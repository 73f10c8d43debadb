import type { Metadata } from '@grpc/grpc-js';
import type { Admission } from './admission.js';
import type { CallGate } from './call-gate.js';
import type { RpcLog } from './log.js';

/** What every call of one server shares. */
export class RpcContext {
  readonly gate: CallGate;
  readonly log: RpcLog;
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal;
  readonly #admission: Admission;

  constructor(parts: { gate: CallGate; log: RpcLog; closing: AbortSignal; admission: Admission }) {
    this.gate = parts.gate;
    this.log = parts.log;
    this.closing = parts.closing;
    this.#admission = parts.admission;
  }

  /** Whether an API key is asked for. */
  get hasKeys(): boolean {
    return this.#admission.hasKeys;
  }

  /** The project that a gRPC call is for; throws RpcError if it is let in to none. */
  admit(headers: Metadata): string {
    return this.#admission.admit(first(headers, 'authorization'), first(headers, 'x-project-id'));
  }

  /** The same for the headers of an HTTP/1.1 request. */
  admitHttp(headers: Headers): string {
    return this.#admission.admit(
      headers.get('authorization') ?? undefined,
      headers.get('x-project-id') ?? undefined,
    );
  }
}

function first(headers: Metadata, name: string): string | undefined {
  return headers.get(name)[0]?.toString();
}
