import { randomBytes } from 'node:crypto';
import type { ServerProgram } from '../fault/processes.js';
import type { Cast } from './cast.js';
import type { Answer } from './driver-process.js';
import { differencesOfExecution, type Ran } from './execution-check.js';
import { differences, errorDifferences, fillIn, type MatchRule, type Names } from './matching.js';
import { type Action, verbOf } from './scenario.js';
import type { Scenario } from './scenario-files.js';
import type { Stage } from './stage.js';
import { Workers, workerName } from './workers.js';

/** How long a scenario waits for what it waits for. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

/** Members of an action that are no arguments of its call. */
const NO_ARGUMENTS = new Set(['as', 'expect', 'error', 'later', 'apiKey', 'defined', 'elsewhere']);

/**
 * Plays one scenario with one cast.
 * @throws Error that names everything that is not as the scenario says.
 */
export async function playScenario(scenario: Scenario, cast: Cast, stage: Stage): Promise<void> {
  const { needsOwnServer, harmsWorkers, apiKeys } = scenario;
  const wish = { isBrisk: harmsWorkers, apiKeys };
  const server = needsOwnServer ? await stage.ownServer(wish) : await stage.server(harmsWorkers);
  const play = new Play(scenario, { cast, stage, server });
  try {
    await play.run();
  } finally {
    await play.leave();
    if (needsOwnServer) await server.kill();
  }
}

class Play {
  readonly #scenario: Scenario;
  readonly #cast: Cast;
  readonly #stage: Stage;
  readonly #server: ServerProgram;
  readonly #project = `c-${randomBytes(6).toString('hex')}`;
  readonly #otherProject = `${this.#project}-other`;
  readonly #workers: Workers;
  readonly #names: Names = new Map();
  readonly #ran: Ran[] = [];
  readonly #going = new Map<string, Promise<Answer>>();
  readonly #rule: MatchRule;

  constructor(
    scenario: Scenario,
    { cast, stage, server }: { readonly cast: Cast; readonly stage: Stage; readonly server: ServerProgram },
  ) {
    this.#scenario = scenario;
    this.#cast = cast;
    this.#stage = stage;
    this.#server = server;
    this.#workers = new Workers(scenario, { cast, stage, project: this.#project });
    const languages = [cast.client, cast.worker, cast.laterWorkers, cast.children, cast.beside];
    const knowsNothing = languages.every((language) => language?.knowsNothing !== false);
    this.#rule = { names: this.#names, knowsNothing };
    stage.listen(this.#project, ({ event, step, worker }) => {
      if (event === 'ran' && step !== undefined) this.#ran.push({ step, worker: workerName(worker ?? '') });
    });
  }

  async run(): Promise<void> {
    for (const [index, action] of this.#scenario.when.entries()) {
      const { verb, isCall } = verbOf(action);
      const wrong = isCall ? await this.#call(verb, action) : await this.#do(verb, action);
      if (wrong.length > 0) throw new Error(`action ${index + 1}, ${verb}:\n  ${wrong.join('\n  ')}`);
    }
    const { expect } = this.#scenario;
    if (expect === undefined) return;
    const call = (method: string, args: object) => this.#ask(method, args);
    const id = this.#idOf('run');
    const wrong = await differencesOfExecution(expect, { id, call, ran: this.#ran, rule: this.#rule });
    if (wrong.length > 0) throw new Error(`the execution:\n  ${wrong.join('\n  ')}`);
  }

  async leave(): Promise<void> {
    this.#stage.forget(this.#project);
    for (const project of [this.#project, this.#otherProject]) {
      await this.#stage.driver(this.#cast.client).ask({ do: 'forget', project });
    }
    await this.#workers.leave();
  }

  async #call(verb: string, action: Action): Promise<string[]> {
    const { later } = action;
    const answer = this.#ask(verb, this.#argumentsOf(verb, action), action);
    if (typeof later === 'string') {
      this.#going.set(later, answer);
      return [];
    }
    return this.#judge(action, await answer, verb === 'invoke' ? 'run' : undefined);
  }

  #argumentsOf(verb: string, action: Action): object {
    const given = Object.entries(action).filter(([name]) => name !== verb && !NO_ARGUMENTS.has(name));
    const rest = fillIn(Object.fromEntries(given), this.#names) as object;
    const first = action[verb];
    switch (verb) {
      case 'invoke':
      case 'createSchedule':
      case 'listSchedules':
        return { workflow: first, ...rest };
      case 'list':
        return { options: fillIn(first, this.#names) };
      case 'batch':
        return { items: fillIn(first, this.#names), ...rest };
      case 'publish':
      case 'topic':
        return { topic: first, ...rest };
      case 'pauseSchedule':
      case 'unpauseSchedule':
      case 'deleteSchedule':
      case 'triggerSchedule':
        return { schedule: this.#idOf(String(first)), ...rest };
      default:
        return { execution: this.#idOf(String(first)), ...rest };
    }
  }

  #ask(method: string, args: object, { apiKey, defined, elsewhere }: Action = {}): Promise<Answer> {
    const [firstKey] = this.#scenario.apiKeys;
    return this.#stage.driver(this.#cast.client).ask({
      ...args,
      do: 'call',
      method,
      url: this.#server.url,
      project: elsewhere === true ? this.#otherProject : this.#project,
      apiKey: apiKey ?? firstKey,
      ...(defined === true && { definitions: this.#scenario.workflows }),
    });
  }

  /** Compares an answer with what the action expects, and notes what it is known by. */
  #judge({ as, expect, error }: Action, answer: Answer, usualName?: string): string[] {
    if (error !== undefined) {
      if ('value' in answer) return [`expected an error, got ${JSON.stringify(answer.value)}`];
      return errorDifferences(error, answer.error, this.#rule);
    }
    if ('error' in answer) return [`failed: ${JSON.stringify(answer.error)}`];
    const { value } = answer;
    const name = as ?? (typeof value === 'string' ? usualName : undefined);
    if (Array.isArray(name) && Array.isArray(value)) {
      for (const [index, each] of name.entries()) this.#names.set(String(each), String(value[index]));
    } else if (typeof name === 'string') this.#names.set(name, String(value));
    return expect === undefined ? [] : differences(expect, value, this.#rule);
  }

  async #do(verb: string, action: Action): Promise<string[]> {
    const name = String(action[verb]);
    switch (verb) {
      case 'start':
        return this.#judge(action, await this.#start(name, action));
      case 'kill':
        await this.#workers.end(name, 'SIGKILL');
        return [];
      case 'stop':
        await this.#workers.end(name, 'SIGTERM');
        return [];
      case 'release':
        await this.#workers.tell({ do: 'release', step: name });
        return [];
      case 'until':
        return this.#until(action.until as Wish);
      case 'child':
        return this.#nameChild(action);
      case 'server':
        await this.#changeServer(name);
        return [];
      default: {
        const answer = this.#going.get(name);
        if (answer === undefined) throw new Error(`nothing goes on that is called "${name}"`);
        return this.#judge(action, await answer);
      }
    }
  }

  #start(name: string, { serves, changed, unattended, concurrency, apiKey }: Action): Promise<Answer> {
    const all = changed === true ? this.#scenario.changed : this.#scenario.workflows;
    const workflows = Array.isArray(serves) ? all.filter(({ id }) => serves.includes(id)) : all;
    const [firstKey] = this.#scenario.apiKeys;
    const key = apiKey ?? firstKey;
    return this.#workers.start(name, workflows, {
      url: this.#server.url,
      unattended,
      concurrency,
      apiKey: key,
    });
  }

  async #changeServer(change: string): Promise<void> {
    if (change === 'start') await this.#server.restart();
    else if (change === 'stop') await this.#server.stop();
    else await this.#server.kill();
  }

  async #nameChild({ child, of = 'run', as }: Action): Promise<string[]> {
    const answer = await this.#ask('events', { execution: this.#idOf(String(of)), follow: false });
    const events = 'value' in answer ? (answer.value as readonly EventView[]) : [];
    const start = events.find(({ type, stepKey }) => type === 'child_start' && stepKey === child);
    const id = start?.data?.childExecutionId;
    if (id === undefined) return [`no step "${String(child)}" started a child`];
    this.#names.set(String(as), id);
    return [];
  }

  async #until(wish: Wish): Promise<string[]> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = await this.#isSo(wish);
      if (found === true) return [];
      if (performance.now() > end) return [`waited in vain for ${JSON.stringify(wish)}; it is ${found}`];
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** True, or what is there instead. */
  async #isSo({ ran, times = 1, of = 'run', status, reason, event }: Wish): Promise<true | string> {
    if (ran !== undefined) {
      const count = this.#ran.filter(({ step }) => step === ran).length;
      return count >= times || JSON.stringify(this.#ran);
    }
    const execution = this.#idOf(of);
    if (event !== undefined) {
      const answer = await this.#ask('events', { execution, follow: false });
      const events = 'value' in answer ? (answer.value as readonly EventView[]) : [];
      return events.filter(({ type }) => type === event).length >= times || JSON.stringify(answer);
    }
    const answer = await this.#ask('get', { execution });
    if ('error' in answer) return JSON.stringify(answer);
    const info = answer.value as { readonly status: string; readonly statusReason: string | null };
    const isSo = info.status === status && (reason === undefined || info.statusReason === reason);
    return isSo || JSON.stringify(info);
  }

  #idOf(name: string): string {
    // An id that nobody gave a name is itself.
    return this.#names.get(name) ?? name;
  }
}

interface Wish {
  readonly ran?: string;
  readonly times?: number;
  readonly of?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly event?: string;
}

interface EventView {
  readonly type: string;
  readonly stepKey: string | null;
  readonly data?: { readonly childExecutionId?: string };
}
