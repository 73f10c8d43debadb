/** Sends an order off. Replace both by calls of your own. */
export async function shipOrder(orderId: string): Promise<void> {
  console.log(`shipped ${orderId}`);
}

/** Books a transfer, and answers its reference. */
export async function bookTransfer(orderId: string, amount: number): Promise<string> {
  console.log(`booked ${amount} for ${orderId}`);
  return `transfer for ${orderId}`;
}
