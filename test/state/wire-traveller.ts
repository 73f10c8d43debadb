import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { JsonValue } from '../../server/src/core/json.js';
import type { CommandSchema } from '../../server/src/gen/polos/v1/command_pb.js';
import { type Assignment, WorkerService } from '../../server/src/gen/polos/v1/worker_service_pb.js';
import { WorkflowService } from '../../server/src/gen/polos/v1/workflow_service_pb.js';
import { Random } from '../simulation/random.js';
import { canonical, canonicalText } from './canonical-json.js';
import { foreignText } from './foreign-json.js';
import type { Luggage, Stop } from './luggage.js';

type CommandInit = MessageInitShape<typeof CommandSchema>;

/** A caller and a worker without an SDK: they write JSON as other languages may. */
export class WireTraveller {
  readonly calls: Client<typeof WorkflowService>;
  readonly #work: Client<typeof WorkerService>;
  readonly #names: { readonly workflowId: string; readonly workerId: string };
  readonly #random: Random;

  private constructor(
    url: string,
    names: { readonly workflowId: string; readonly workerId: string },
    seed: number,
  ) {
    const transport = createGrpcTransport({ baseUrl: url });
    this.calls = createClient(WorkflowService, transport);
    this.#work = createClient(WorkerService, transport);
    this.#names = names;
    this.#random = new Random(seed);
  }

  /** @param workflowId  its own, so that no other takes its executions. */
  static async connect(url: string, workflowId: string, seed: number): Promise<WireTraveller> {
    const work = createClient(WorkerService, createGrpcTransport({ baseUrl: url }));
    const { workerId } = await work.registerWorker({ workflows: [{ id: workflowId }] });
    return new WireTraveller(url, { workflowId, workerId }, seed);
  }

  /** Carries luggage from Invoke to the end. @returns the execution's id. */
  async travel({ key, payload, initialState, stops, result }: Luggage): Promise<string> {
    const { executionId } = await this.calls.invoke({
      workflowId: this.#names.workflowId,
      idempotencyKey: key,
      payload: this.#payload(payload),
      initialState: this.#text(initialState),
    });
    const assignment = await this.#take();
    if (assignment.execution?.id !== executionId) throw new Error('another execution was waiting');
    if (canonicalText(assignment.state) !== canonical(initialState)) throw new Error('the state was altered');
    let sequence = 0n;
    let baseRevision = 1n;
    const complete = async (commands: CommandInit[]) => {
      sequence += 1n;
      const { lease } = assignment;
      const answer = await this.#work.completeStep({ ...(lease && { lease }), sequence, commands });
      baseRevision = answer.stateRevision;
    };
    for (const [index, stop] of stops.entries()) {
      await complete([this.#changed(stop, 'before', baseRevision), this.#step(`before ${index}`, null)]);
      const within = this.#step(`within ${index}`, stop.result, JSON.stringify(stop.within.patch));
      await complete([within, this.#changed(stop, 'within', baseRevision)]);
      const event = { stepKey: `event ${index}`, type: 'stop', data: this.#payload(stop.event) };
      await complete([{ command: { case: 'eventPublished', value: event } }]);
    }
    await complete([{ command: { case: 'executionCompleted', value: { result: this.#payload(result) } } }]);
    return executionId;
  }

  async #take(): Promise<Assignment> {
    for (;;) {
      const { assignments } = await this.#work.poll({ workerId: this.#names.workerId, maxExecutions: 1 });
      if (assignments[0]) return assignments[0];
    }
  }

  #step(stepKey: string, result: JsonValue, statePatch = ''): CommandInit {
    return {
      command: { case: 'stepCompleted', value: { stepKey, result: this.#payload(result), statePatch } },
    };
  }

  #changed(stop: Stop, when: 'before' | 'within', baseRevision: bigint): CommandInit {
    const { patch, state } = stop[when];
    const change = this.#random.chance(0.7)
      ? ({ case: 'patch', value: this.#text(patch as unknown as JsonValue) } as const)
      : ({ case: 'document', value: this.#text(state) } as const);
    return { command: { case: 'stateChanged', value: { baseRevision, change } } };
  }

  #payload(value: JsonValue) {
    return { body: { case: 'json' as const, value: this.#text(value) } };
  }

  #text(value: JsonValue): string {
    return foreignText(value, this.#random);
  }
}
