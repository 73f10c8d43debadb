import { setTimeout as pause } from 'node:timers/promises';

/** An order of the shop. */
export interface Order {
  readonly id: number;
  readonly item: string;
  readonly cents: number;
}

/** The shop has no such day. No retry can help. */
export class NoSuchDayError extends Error {
  override readonly name = 'NoSuchDayError';
}

const OPENED = '2020-01-01';
const PAGES = 10;
const PAGE_ROWS = 100;
const ITEMS = ['tea', 'milk', 'salt', 'rice'];

/**
 * Reads a day's orders page by page. Stands in for a slow database; replace it by a query of yours. With
 * `ORDERS_HANG=N` in the environment the first N attempts hang in the middle, as a lost connection does.
 */
export async function* readOrders(
  day: string,
  { attempt, signal }: { readonly attempt: number; readonly signal: AbortSignal },
): AsyncGenerator<readonly Order[]> {
  if (day < OPENED) throw new NoSuchDayError(`the shop opened on ${OPENED}: it has no orders of ${day}`);
  const hangs = attempt <= Number(process.env.ORDERS_HANG ?? 0);
  for (let page = 0; page < PAGES; page++) {
    if (hangs && page === PAGES / 2) await pause(600_000, undefined, { signal });
    await pause(20, undefined, { signal });
    yield Array.from({ length: PAGE_ROWS }, (_, row) => order(page * PAGE_ROWS + row));
  }
}

function order(id: number): Order {
  return { id, item: ITEMS[id % ITEMS.length] ?? '', cents: 100 + ((id * 37) % 900) };
}
