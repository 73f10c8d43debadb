import { topicName } from '../../server/src/core/execution.js';
import { RecordLog } from '../../server/src/engine/record-log.js';
import { ConnectionLost, PROJECT, type World } from './world.js';

/** What callers of the simulation publish to, one after the other, and one of them follows. */
const TOPIC = 'gossip';

const SPEAKERS = 3;
const WORDS = 8;

/**
 * Callers that publish to one topic while everything goes wrong, and a reader that follows it: promises 10, 11 and 12 of a
 * topic's events.
 */
export class Gossip {
  isDone = false;
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  async run(): Promise<void> {
    const speakers = Array.from({ length: SPEAKERS }, (_, speaker) => this.speak(speaker));
    await Promise.all([...speakers, this.listen()]);
    this.isDone = true;
  }

  private async speak(speaker: number): Promise<void> {
    for (let word = 0; word < WORDS; word++) {
      await this.world.sleep(this.world.random.between(0, 15_000));
      await this.world.publish(TOPIC, `${speaker} ${word}`);
    }
  }

  private async listen(): Promise<void> {
    const heard: string[] = [];
    const { world } = this;
    while (heard.length < SPEAKERS * WORDS) {
      try {
        const server = world.upServer;
        if (!server) throw new ConnectionLost('no server');
        const from = { afterEvent: heard.length, follow: true, signal: new AbortController().signal };
        const pages = server.engine.topicEvents(PROJECT, TOPIC, from)[Symbol.asyncIterator]();
        while (heard.length < SPEAKERS * WORDS) {
          const page = await server.whileAlive(pages.next());
          if (page.done) throw new Error('the stream of a topic has an end');
          for (const { sequence, data } of page.value) {
            if (sequence !== heard.length + 1) {
              world.violated(`11: event ${sequence} of ${TOPIC} came after ${heard.length}`);
            }
            heard.push(data && 'json' in data ? data.json : 'nothing');
          }
        }
      } catch (error) {
        if (!world.mayPass(error)) throw error;
        await world.sleep(world.random.between(50, 1_000));
      }
    }
    for (let speaker = 0; speaker < SPEAKERS; speaker++) {
      const words = heard.filter((each) => each.startsWith(`"${speaker} `));
      const expected = Array.from({ length: WORDS }, (_, word) => `"${speaker} ${word}"`);
      if (words.join() !== expected.join()) world.violated(`12: ${speaker} was heard to say ${words}`);
    }
  }
}

/** Checks that a topic to which something was published once has one event. */
export async function checkPublishedOnce(world: World, topic: string): Promise<void> {
  const count = await new RecordLog(world.store, topicName(PROJECT, topic)).newest();
  if (count !== 1) world.violated(`16: ${count} events were published to ${topic}, not one`);
}
