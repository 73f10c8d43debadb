import type { Cast } from './cast.js';
import type { Answer, DriverProcess } from './driver-process.js';
import type { WorkflowData } from './instructions.js';
import type { Scenario } from './scenario-files.js';
import type { Stage } from './stage.js';

/** What a driver process does under the name of a scenario's worker. */
interface Part {
  readonly driver: DriverProcess;
  readonly isOwn: boolean;
  /** The worker's name in the driver. */
  readonly name: string;
}

/** Marks the second part under one worker's name. */
const SECOND = "'";

/** The name that the scenario knows a worker by. */
export function workerName(reported: string): string {
  return reported.replace(SECOND, '');
}

/** The workers of one scenario. */
export class Workers {
  readonly #scenario: Scenario;
  readonly #cast: Cast;
  readonly #stage: Stage;
  readonly #project: string;
  readonly #parts = new Map<string, Part[]>();

  constructor(scenario: Scenario, { cast, stage, project }: { cast: Cast; stage: Stage; project: string }) {
    this.#scenario = scenario;
    this.#cast = cast;
    this.#stage = stage;
    this.#project = project;
  }

  /** Starts a worker; resolves to what its parts warned of, or to the first error, if one of them is refused. */
  async start(
    name: string,
    workflows: readonly WorkflowData[],
    request: Readonly<Record<string, unknown>>,
  ): Promise<Answer> {
    const { worker, laterWorkers, children, beside } = this.#cast;
    const language = this.#parts.size === 0 ? worker : laterWorkers;
    const [first, ...others] = workflows;
    const isSplit = children !== undefined && others.length > 0;
    const casting = [{ language, workflows: isSplit && first !== undefined ? [first] : workflows }];
    if (isSplit) casting.push({ language: children, workflows: others });
    if (beside !== undefined) casting.push({ language: beside, workflows });
    const parts = casting.map((part, index) => {
      const isOwn = this.#scenario.harmsWorkers;
      const driver = isOwn ? this.#stage.ownDriver(part.language) : this.#stage.driver(part.language);
      return { ...part, driver, isOwn, name: index === 0 ? name : name + SECOND };
    });
    this.#parts.set(name, parts);
    const answers = await Promise.all(
      parts.map((part) =>
        part.driver.ask({
          ...request,
          do: 'startWorker',
          project: this.#project,
          worker: part.name,
          workflows: part.workflows,
          handlesSignals: part.isOwn,
        }),
      ),
    );
    const warnings = answers.flatMap((answer) => ('value' in answer ? (answer.value as string[]) : []));
    return answers.find((answer) => 'error' in answer) ?? { value: warnings };
  }

  /** Ends the processes of a worker. */
  async end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const parts = this.#parts.get(name);
    if (parts === undefined) throw new Error(`no worker is called "${name}"`);
    await Promise.all(parts.map(({ driver }) => driver.end(signal)));
  }

  /** Tells every worker something. */
  async tell(request: Readonly<Record<string, unknown>>): Promise<void> {
    const drivers = new Set([...this.#parts.values()].flat().map(({ driver }) => driver));
    await Promise.all(
      [...drivers].map((driver) => driver.ask({ ...request, project: this.#project }).catch(() => {})),
    );
  }

  /** Lets go of all. What a worker in a shared process still does ends by itself. */
  async leave(): Promise<void> {
    await this.tell({ do: 'forget' });
    for (const { driver, isOwn, name } of [...this.#parts.values()].flat()) {
      if (isOwn) await driver.end('SIGKILL');
      else void driver.ask({ do: 'stopWorker', project: this.#project, worker: name }).catch(() => {});
    }
  }
}
