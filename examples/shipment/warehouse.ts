import { setTimeout as delay } from 'node:timers/promises';

/** Packs an item; resolves to the parcel's weight in grams. Replace it by your warehouse. */
export async function packed(item: string): Promise<number> {
  await delay(200 + 20 * item.length);
  return 100 * item.length;
}

/** The label of a parcel. Replace it by your carrier. */
export async function printLabel(item: string, grams: number): Promise<string> {
  return `${item}, ${grams} g`;
}

/** Gives the parcels to the carrier. */
export async function handOver(labels: readonly string[]): Promise<void> {
  await delay(50 * labels.length);
}
