import { ExecutionRetention, type RetentionRule } from './execution-retention.js';
import { TopicRetention, type TopicRetentionPort } from './topic-retention.js';

/** What is deleted, and when. */
export interface RetentionOptions {
  /** How long executions are kept after they closed. Default: for ever. */
  readonly executionsKeptFor?: RetentionRule | undefined;
  /** How long events of topics are kept after they were published. Default: for ever. */
  readonly topicsKeptFor?: RetentionRule | undefined;
}

/** Deletes what was kept for long enough. */
export class Retention {
  private readonly parts: readonly (ExecutionRetention | TopicRetention)[];

  constructor(
    port: Omit<TopicRetentionPort, 'keptFor'>,
    { executionsKeptFor, topicsKeptFor }: RetentionOptions,
  ) {
    this.parts = [
      ...(executionsKeptFor ? [new ExecutionRetention({ ...port, keptFor: executionsKeptFor })] : []),
      ...(topicsKeptFor ? [new TopicRetention({ ...port, keptFor: topicsKeptFor })] : []),
    ];
  }

  start(): void {
    for (const part of this.parts) part.start();
  }

  /** Lets what is being deleted go. */
  async stop(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.stop()));
  }
}
