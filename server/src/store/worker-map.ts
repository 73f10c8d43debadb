import type { StoredWorker } from './store.js';
import { compareText } from './text-order.js';

/** Workers in memory, for stores that may forget them with their process. */
export class WorkerMap {
  private readonly workers = new Map<string, StoredWorker>();

  /** See `Store.putWorker`. */
  put(worker: StoredWorker): void {
    this.workers.set(worker.id, worker);
  }

  /** See `Store.loadWorker`. Forgets what has expired. */
  load({ id, now }: { readonly id: string; readonly now: number }): StoredWorker | undefined {
    const worker = this.workers.get(id);
    if (!worker || worker.expiresAt > now) return worker;
    this.workers.delete(id);
    return undefined;
  }

  /** See `Store.listWorkers`. Forgets what has expired. */
  list({ projectId, now }: { readonly projectId: string; readonly now: number }): StoredWorker[] {
    for (const { id, expiresAt } of this.workers.values()) if (expiresAt <= now) this.workers.delete(id);
    return [...this.workers.values()]
      .filter((worker) => worker.projectId === projectId)
      .sort((a, b) => compareText(b.id, a.id));
  }
}
