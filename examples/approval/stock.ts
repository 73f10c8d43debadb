/** Reserves an item. Replace the three by calls of your own. */
export async function reserveItem(item: string): Promise<void> {
  console.log(`reserved ${item}`);
}

/** Gives a reserved item back. */
export async function releaseItem(item: string): Promise<void> {
  console.log(`released ${item}`);
}

/** Sends an item off. */
export async function shipItem(item: string): Promise<void> {
  console.log(`shipped ${item}`);
}
