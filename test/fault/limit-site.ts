import { fileURLToPath } from 'node:url';
import { type ExecutionHandle, PolosClient } from '@polos/sdk';
import { onTestFinished } from 'vitest';
import { Program, type ServerProgram } from './processes.js';

/** Starts a worker of programs/limit-worker.mjs, and waits until the server knows it. */
export async function startLimitWorker(server: ServerProgram, limit: number): Promise<LimitWorker> {
  const script = fileURLToPath(new URL('programs/limit-worker.mjs', import.meta.url));
  const program = new Program(script, [], { POLOS_API_URL: server.url, LIMIT: `${limit}` });
  onTestFinished(() => program.signal('SIGKILL'));
  await program.line('started');
  return new LimitWorker(program);
}

/** A time in which a step's function ran. */
interface Span {
  readonly executionId: string;
  readonly key: string;
  readonly from: bigint;
  /** Missing for one that still runs. */
  readonly to?: bigint;
}

/** A worker process, and when its steps ran. */
export class LimitWorker {
  private readonly program: Program;
  private killedAt: bigint | undefined;

  constructor(program: Program) {
    this.program = program;
  }

  /** kill -9. Whatever it was about did not run any longer. */
  async kill(): Promise<void> {
    this.killedAt = process.hrtime.bigint();
    await this.program.signal('SIGKILL');
  }

  /** Whether it runs a step now. */
  get isAtWork(): boolean {
    return this.killedAt === undefined && this.spans().some(({ to }) => to === undefined);
  }

  spans(): Span[] {
    const spans: Span[] = [];
    const open = new Map<string, Span>();
    for (const line of this.program.lines) {
      const [word, executionId = '', ...rest] = line.split(' ');
      if (word === 'begin')
        open.set(executionId, { executionId, key: rest[0] ?? '', from: BigInt(rest[1] ?? 0) });
      const begun = open.get(executionId);
      if (word !== 'end' || !begun) continue;
      open.delete(executionId);
      spans.push({ ...begun, to: BigInt(rest[0] ?? 0) });
    }
    const to = this.killedAt;
    return [...spans, ...Array.from(open.values(), (span) => (to === undefined ? span : { ...span, to }))];
  }
}

/** What ran at once, by what workers measured themselves. */
export interface Concurrency {
  /** By concurrency key, how many executions ran at once at most. */
  readonly peaks: ReadonlyMap<string, number>;
  /** The part of the time, from the first beginning to the last end, that the slots of all keys were in use. */
  readonly utilization: number;
}

/** Measures what ran at once. An execution that ran twice at the same time, because its worker was lost, counts once. */
export function concurrencyOf(workers: readonly LimitWorker[], limit: number): Concurrency {
  const spans = workers.flatMap((worker) => worker.spans());
  const peaks = new Map<string, number>();
  for (const { key, from: now } of spans) {
    const running = spans.filter(
      (span) => span.key === key && span.from <= now && (span.to === undefined || span.to > now),
    );
    const count = new Set(running.map(({ executionId }) => executionId)).size;
    peaks.set(key, Math.max(count, peaks.get(key) ?? 0));
  }
  const ended = spans.filter(({ to }) => to !== undefined);
  const busy = ended.reduce((sum, { from, to = from }) => sum + Number(to - from), 0);
  const begin = Math.min(...spans.map(({ from }) => Number(from)));
  const end = Math.max(...ended.map(({ to = 0n }) => Number(to)));
  return { peaks, utilization: busy / ((end - begin) * limit * peaks.size) };
}

/** Starts executions through several servers, one after the other in turn. */
export async function invokeAll(
  servers: readonly ServerProgram[],
  payloads: readonly { readonly key: string; readonly ms: number; readonly waits: boolean }[],
): Promise<ExecutionHandle[]> {
  const clients = servers.map(({ url }) => new PolosClient({ apiUrl: url }));
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  const start = async (payload: (typeof payloads)[number], index: number) => {
    const client = clients[index % clients.length] as PolosClient;
    return client.invoke('limited', payload, { concurrencyKey: payload.key });
  };
  return Promise.all(payloads.map(start));
}
