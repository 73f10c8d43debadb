/** Packs a parcel. Replace it by whatever your warehouse understands. */
export async function pack(items: readonly string[]): Promise<readonly string[]> {
  console.log(`packed ${items.join(', ')}`);
  return items;
}
