import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { readEventStream, type StreamOptions } from './event-stream.js';
import type { ExecutionEvent } from './execution-event.js';
import { readEvents } from './executions.js';
import { PublishEventsRequestSchema, WorkflowService } from './gen/polos/v1/workflow_service_pb.js';
import { toPayload } from './payload.js';
import { DEFAULT_TYPE } from './publish-command.js';
import { assertOutsideWorkflow } from './scope.js';
import { type EventData, type TopicEvent, toTopicEvent } from './topic-event.js';
import type { Transport } from './transport.js';

/** How events are published. */
export interface PublishOptions {
  /**
   * Makes the call safe to repeat by the program itself: one key in a topic, one publication; at most 200 bytes. Default: a
   * fresh one, so that at least what the SDK repeats while the server cannot be reached is published once.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Which events of a topic to read. */
export interface StreamTopicOptions {
  /** Only events after this sequence. Default 0: from the first that is kept. */
  readonly after?: number;
  /** Whether to stay for events to come; a topic has no end. Default true. */
  readonly follow?: boolean;
  /** Ends the reading quietly. */
  readonly signal?: AbortSignal;
}

/** Publishes to topics, and reads them. `PolosClient.events` and `Polos.events` are one. */
export class EventsApi {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Publishes one event to a topic, which needs no creation. Returns once it is durable: executions that wait for it go on.
   * @param topic  1 to 512 bytes, no control characters.
   * @returns its sequence within the topic.
   * @throws what `batchPublish` throws.
   */
  async publish(topic: string, event: EventData = {}, options: PublishOptions = {}): Promise<number> {
    const [sequence] = await this.batchPublish(topic, [event], options);
    if (sequence === undefined) throw new Error('the server answered without a sequence');
    return sequence;
  }

  /**
   * Publishes events to a topic, all or none, one after the other in the order given. Repeated by itself while the server
   * cannot be reached, for 30 s, under one idempotency key: never twice.
   * @param events  1 to 1,000, about 4 MiB together.
   * @returns their sequences within the topic, in the same order.
   * @throws InvalidArgumentError; LimitExceededError; IdempotencyMismatchError if the key was used for other events of the
   * topic; SerializationError, PayloadSizeError for data; UnavailableError.
   */
  async batchPublish(
    topic: string,
    events: readonly EventData[],
    { idempotencyKey = randomUUID() }: PublishOptions = {},
  ): Promise<number[]> {
    assertOutsideWorkflow('client.events.publish()', 'ctx.step.publishEvent()');
    const request = create(PublishEventsRequestSchema, {
      topic,
      idempotencyKey,
      events: events.map(({ type, eventType, data }, index) => {
        const payload = toPayload(data, { what: `the data of event ${index}` });
        return { type: type ?? eventType ?? DEFAULT_TYPE, ...(payload !== undefined && { data: payload }) };
      }),
    });
    const { publishEvents } = WorkflowService.method;
    const { sequences } = await this.#transport.call(publishEvents, request, { repeatable: true });
    return sequences.map(Number);
  }

  /**
   * Reads the events of a topic in order, none twice and none missing, from the first that is kept on, and stays for those to come. A
   * topic that nobody has published to is empty. A break of the connection is bridged.
   * @typeParam T the caller's word for the data; check what comes from outside.
   * @throws InvalidArgumentError from the iterator for `after` beyond the newest event; EventsDeletedError once the server has
   * deleted events after `after`, or that the reader was too slow for; UnavailableError once the server
   * stays away.
   */
  async *streamTopic<T = unknown>(
    topic: string,
    options: StreamTopicOptions = {},
  ): AsyncGenerator<TopicEvent<T>, void, undefined> {
    for await (const { event } of readEventStream(
      this.#transport,
      { case: 'topic', value: topic },
      options,
    )) {
      yield toTopicEvent(event) as TopicEvent<T>;
    }
  }

  /**
   * Reads the events of an execution and of all that descends from it: `handle.events({ descendants: true })`.
   * @param _workflowId  the public Polos SDK names the workflow first; an execution's id says it all, so that nothing is
   * made of it.
   * @param executionId  one that was not started by another.
   * @throws NotFoundError from the iterator; what `streamTopic` throws.
   */
  streamWorkflow(
    _workflowId: string,
    executionId: string,
    options: StreamOptions = {},
  ): AsyncGenerator<ExecutionEvent, void, undefined> {
    return readEvents(this.#transport, executionId, { ...options, descendants: true });
  }
}
