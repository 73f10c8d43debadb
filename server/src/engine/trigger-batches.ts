import { PAYLOAD_BYTES_MAX } from '../core/limits.js';
import type { TriggerDeclaration } from './api.js';
import type { EventRange } from './trigger-record.js';

/** An event as its place and the JSON text that an execution receives of it. */
export interface TriggerEvent {
  readonly sequence: number;
  readonly at: number;
  readonly json: string;
}

/** What the events that came so far make. */
export interface Batching {
  /** Batches that are to be started. */
  readonly ready: readonly EventRange[];
  /** When the rest is to be started even if nothing joins it; missing if there is none. */
  readonly restAt?: number;
}

/** Puts events together, in order: a batch is ready when it is full, or when its oldest event has waited long enough. */
export function batched(
  events: readonly TriggerEvent[],
  { batchSize, batchTimeoutMs }: TriggerDeclaration,
  now: number,
): Batching {
  const ready: EventRange[] = [];
  let open: TriggerEvent[] = [];
  let bytes = 0;
  const close = () => {
    const [oldest, newest] = [open[0], open.at(-1)];
    if (oldest && newest) ready.push({ first: oldest.sequence, last: newest.sequence });
    open = [];
    bytes = 0;
  };
  for (const event of events) {
    const size = Buffer.byteLength(event.json);
    if (bytes + size > PAYLOAD_BYTES_MAX) close();
    open.push(event);
    bytes += size;
    if (open.length === batchSize) close();
  }
  const [oldest] = open;
  // Behind full batches there may be more events than these: the rest is looked at again with them.
  if (oldest && ready.length === 0 && oldest.at + batchTimeoutMs <= now) close();
  else if (oldest) return { ready, restAt: oldest.at + batchTimeoutMs };
  return { ready };
}

/** The text of the payload that the execution of a batch receives. */
export function batchPayload(events: readonly TriggerEvent[], { batchSize }: TriggerDeclaration): string {
  const [event] = events;
  if (batchSize === 1 && event) return event.json;
  return `{"events":[${events.map(({ json }) => json).join()}]}`;
}
