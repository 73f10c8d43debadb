import { topicName } from '../core/execution.js';
import type { Store } from '../store/store.js';
import { RecordLog } from './record-log.js';
import { awaitedEvent, eventsOf, type StoredEvent } from './topic-event.js';
import type { TriggerEvent } from './trigger-batches.js';
import type { TriggerTopics } from './triggers.js';

/** Records of a topic's log that one read asks for at most: it begins with one, and asks for more while they are small. */
const RECORDS_MAX = 64;

/** The topics of a store, as triggers read them: always what is there, whoever published it. */
export function triggerTopics(store: Store): TriggerTopics {
  const logOf = (projectId: string, topic: string) =>
    new RecordLog<StoredEvent>(store, topicName(projectId, topic));
  return {
    newest: (projectId, topic) => logOf(projectId, topic).newest(),
    async read(projectId, topic, { after, count, bytes }) {
      const log = logOf(projectId, topic);
      const events: TriggerEvent[] = [];
      let size = 0;
      for (let limit = 1; events.length < count && size < bytes; limit = Math.min(limit * 2, RECORDS_MAX)) {
        const next = (events.at(-1)?.sequence ?? after) + 1;
        const batches = await log.read(next, limit);
        for (const event of batches.flatMap((batch) => eventsOf(topic, batch, next))) {
          const payload = awaitedEvent(event);
          const json = 'json' in payload ? payload.json : 'null';
          events.push({ sequence: event.sequence, at: event.at, json });
          size += json.length;
        }
        if (batches.length === 0) break;
      }
      return events.slice(0, count);
    },
  };
}
