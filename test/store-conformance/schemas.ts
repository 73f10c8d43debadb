import { describe, expect, test } from 'vitest';
import type { OpenStore } from './describe-store.js';
import { schema } from './samples.js';

/** What `putSchema` and `listSchemas` promise. */
export function describeSchemas(open: OpenStore): void {
  describe('schemas', () => {
    test('come by workflow, then kind, then newest registration first', async () => {
      const store = await open();
      const kept = [
        schema({ workflowId: 'a', kind: 'payload', digest: '1' }),
        schema({ workflowId: 'a', kind: 'state', digest: '2', registeredAt: 3_000 }),
        schema({ workflowId: 'a', kind: 'state', digest: '3', registeredAt: 2_000 }),
        schema({ workflowId: 'b', kind: 'result', digest: '4' }),
      ];
      for (const index of [2, 0, 3, 1]) await store.putSchema(kept[index]!);
      await store.putSchema(schema({ projectId: 'other', digest: '5' }));
      expect(await store.listSchemas({ projectId: 'default' })).toEqual(kept);
      expect(await store.listSchemas({ projectId: 'default', workflowId: 'b' })).toEqual(kept.slice(3));
      expect(await store.listSchemas({ projectId: 'none' })).toEqual([]);
    });

    test('are kept once by digest; keeping one again renews its registration', async () => {
      const store = await open();
      const older = schema({ digest: '1' });
      const newer = schema({ digest: '2', registeredAt: 2_000 });
      await store.putSchema(older);
      await store.putSchema(newer);
      await store.putSchema({ ...older, registeredAt: 3_000 });
      expect(await store.listSchemas({ projectId: 'default' })).toEqual([
        { ...older, registeredAt: 3_000 },
        newer,
      ]);
    });

    test('of one digest are kept for each workflow and kind', async () => {
      const store = await open();
      await store.putSchema(schema({ digest: '1', kind: 'payload' }));
      await store.putSchema(schema({ digest: '1', kind: 'state' }));
      await store.putSchema(schema({ digest: '1', workflowId: 'other' }));
      expect(await store.listSchemas({ projectId: 'default' })).toHaveLength(3);
    });
  });
}
