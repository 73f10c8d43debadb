/** What is to come first comes out first. A binary heap: in and out in the logarithm of its size. */
export class PriorityQueue<T> {
  private readonly items: T[] = [];
  private readonly isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.isBefore = isBefore;
  }

  get size(): number {
    return this.items.length;
  }

  push(item: T): void {
    const { items } = this;
    let place = items.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.isBefore(item, items[above] as T)) break;
      items[place] = items[above] as T;
      place = above;
    }
    items[place] = item;
  }

  /** Takes out the first; undefined if there is none. */
  pop(): T | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) this.sink(last as T);
    return first;
  }

  /** Puts an item in place of the first, and below all that come before it. */
  private sink(item: T): void {
    const { items } = this;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.isBefore(items[below + 1] as T, items[below] as T)) below += 1;
      if (!this.isBefore(items[below] as T, item)) break;
      items[place] = items[below] as T;
      place = below;
    }
    items[place] = item;
  }
}
