import type { Document } from 'mongodb';
import { type MongodProcess, startPrimary } from '../e2e/mongod-process.js';
import { command } from '../mongodb/command.js';

/** What is to go wrong: https://github.com/mongodb/mongo/wiki/The-%22failCommand%22-fail-point */
export interface CommandFailure {
  readonly failCommands: readonly string[];
  /** Only for clients of this name. */
  readonly appName?: string;
  readonly closeConnection?: true;
  readonly errorCode?: number;
  /** The command is carried out, and only this says that it may not last. */
  readonly writeConcernError?: { readonly code: number; readonly errmsg: string };
}

/** How often, and after how many that go well. */
export type FailureMode = 'alwaysOn' | 'off' | { readonly times: number } | { readonly skip: number };

/** A mongod, primary of a replica set of one, that fails on demand. */
export class FailingMongod {
  readonly url: string;
  readonly #mongod: MongodProcess;

  private constructor(mongod: MongodProcess) {
    this.url = `mongodb://${mongod.host}/?replicaSet=rs0`;
    this.#mongod = mongod;
  }

  static async start(): Promise<FailingMongod> {
    const parameters = ['diagnosticDataCollectionEnabled=false', 'enableTestCommands=1'];
    return new FailingMongod(
      await startPrimary(...parameters.flatMap((parameter) => ['--setParameter', parameter])),
    );
  }

  /**
   * Commands fail from now on. Replaces what was said before.
   * @returns what resolves once so many of them failed.
   */
  async failCommands(data: CommandFailure, mode: FailureMode): Promise<(failures: number) => Promise<void>> {
    const { count } = await this.#configure('failCommand', { mode, data });
    return async (failures) => {
      const timesEntered = count + failures;
      await command(this.#mongod.port, { waitForFailPoint: 'failCommand', timesEntered, maxTimeMS: 9_000 });
    };
  }

  /** The next write that can be repeated is carried out, and its connection closed. */
  async loseNextAnswer(): Promise<void> {
    await this.#configure('onPrimaryTransactionalWrite', {
      mode: { times: 1 },
      data: { closeConnection: true },
    });
  }

  /** Nothing fails any more. */
  async heal(): Promise<void> {
    await this.#configure('failCommand', { mode: 'off' });
    await this.#configure('onPrimaryTransactionalWrite', { mode: 'off' });
  }

  /** Ends it, and removes its data. */
  async stop(): Promise<void> {
    await this.#mongod.stop();
  }

  #configure(name: string, settings: Document): Promise<Document> {
    return command(this.#mongod.port, { configureFailPoint: name, ...settings });
  }
}
