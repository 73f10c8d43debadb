import type { Batch } from './record-log.js';

/** Batches of logs kept in memory: those used last, up to so many bytes. What they hold never changes, but may be deleted. */
export class BatchCache<Item> {
  private readonly bytesMax: number;
  private bytes = 0;
  /** Of each log, in the order of their numbers. */
  private readonly logs = new Map<string, Batch<Item>[]>();
  /** The log of each; the one that was used longest ago comes first. */
  private readonly used = new Map<Batch<Item>, string>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  put(log: string, batch: Batch<Item>): void {
    const batches = this.logs.get(log) ?? [];
    const place = placeAfter(batches, batch.first);
    if (batches[place - 1]?.first === batch.first) return;
    batches.splice(place, 0, batch);
    this.logs.set(log, batches);
    this.used.set(batch, log);
    this.bytes += batch.bytes;
    for (const [oldest, owner] of this.used) {
      if (this.bytes <= this.bytesMax) return;
      this.drop(owner, oldest);
    }
  }

  /** The batch that holds an item, if it is kept. */
  find(log: string, number: number): Batch<Item> | undefined {
    const batches = this.logs.get(log) ?? [];
    const batch = batches[placeAfter(batches, number) - 1];
    if (!batch || batch.first + batch.items.length <= number) return undefined;
    this.used.delete(batch);
    this.used.set(batch, log);
    return batch;
  }

  /** Drops the batches of a log whose items are all numbered up to this. */
  dropTo(log: string, number: number): void {
    for (const batch of [...(this.logs.get(log) ?? [])]) {
      if (batch.first + batch.items.length - 1 > number) return;
      this.drop(log, batch);
    }
  }

  private drop(log: string, batch: Batch<Item>): void {
    const batches = this.logs.get(log) ?? [];
    batches.splice(placeAfter(batches, batch.first) - 1, 1);
    if (batches.length === 0) this.logs.delete(log);
    this.used.delete(batch);
    this.bytes -= batch.bytes;
  }
}

/** Where the batches begin that come after a number: binary search. */
function placeAfter(batches: readonly Batch<unknown>[], number: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((batches[middle] as Batch<unknown>).first > number) high = middle;
    else low = middle + 1;
  }
  return low;
}
