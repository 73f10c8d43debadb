import { describe, expect, test } from 'vitest';
import type { StoredWorker } from '../../server/src/store/store.js';
import type { OpenStore } from './describe-store.js';
import { AWKWARD_TEXTS } from './samples.js';

function worker(given: Partial<StoredWorker> & { readonly id: string }): StoredWorker {
  return { projectId: 'default', expiresAt: 100, body: '{}', ...given };
}

/** What `putWorker`, `loadWorker` and `listWorkers` promise. */
export function describeWorkers(open: OpenStore): void {
  describe('workers', () => {
    test('are what was put last, by id and by project, newest id first', async () => {
      const store = await open();
      const awkward = JSON.stringify(AWKWARD_TEXTS);
      await store.putWorker(worker({ id: 'a', body: 'old' }));
      await store.putWorker(worker({ id: 'c' }));
      await store.putWorker(worker({ id: 'b', projectId: 'other' }));
      await store.putWorker(worker({ id: 'a', body: awkward, expiresAt: 200 }));
      const a = worker({ id: 'a', body: awkward, expiresAt: 200 });
      expect(await store.loadWorker({ id: 'a', now: 0 })).toEqual(a);
      expect(await store.loadWorker({ id: 'none', now: 0 })).toBeUndefined();
      expect(await store.listWorkers({ projectId: 'default', now: 0 })).toEqual([worker({ id: 'c' }), a]);
      expect(await store.listWorkers({ projectId: 'other', now: 0 })).toHaveLength(1);
    });

    test('are there until they expire', async () => {
      const store = await open();
      await store.putWorker(worker({ id: 'a', expiresAt: 10 }));
      await store.putWorker(worker({ id: 'b', expiresAt: 20 }));
      expect(await store.listWorkers({ projectId: 'default', now: 9 })).toHaveLength(2);
      expect((await store.listWorkers({ projectId: 'default', now: 10 })).map(({ id }) => id)).toEqual(['b']);
      expect(await store.loadWorker({ id: 'a', now: 10 })).toBeUndefined();
      expect(await store.loadWorker({ id: 'b', now: 10 })).toBeDefined();
    });
  });
}
