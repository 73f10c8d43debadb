import { setTimeout as pause } from 'node:timers/promises';

/** Calls that are under way, and the most that ever were at once, by customer. */
const calls = new Map<string, { now: number; most: number }>();

/** Asks a credit bureau that takes no more than two calls at once for each customer. Replace it by your own. */
export async function askBureau(customer: string, invoice: number): Promise<'good' | 'doubtful'> {
  const own = calls.get(customer) ?? { now: 0, most: 0 };
  calls.set(customer, own);
  own.now += 1;
  own.most = Math.max(own.most, own.now);
  await pause(100);
  own.now -= 1;
  return invoice % 5 === 0 ? 'doubtful' : 'good';
}

/** The most calls that there ever were at once for a customer. */
export function mostAtOnce(customer: string): number {
  return calls.get(customer)?.most ?? 0;
}
