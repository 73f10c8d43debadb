import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { WorkflowData } from './instructions.js';
import { type Action, type Expectation, type ScenarioData, scenarios, verbOf } from './scenario.js';
import { TAGS } from './yaml-tags.js';

/** A scenario, with what it leaves out filled in. */
export interface Scenario {
  /** Says what holds. Unique among all. */
  readonly name: string;
  /** The file's name without its ending. */
  readonly area: string;
  readonly workflows: readonly WorkflowData[];
  readonly changed: readonly WorkflowData[];
  readonly apiKeys: readonly string[];
  readonly when: readonly Action[];
  readonly expect: Expectation | undefined;
  /** Whether workers are killed or stopped, so that each is a process of its own. */
  readonly harmsWorkers: boolean;
  /** Whether the server is killed or stopped, or set up otherwise than for the others. */
  readonly needsOwnServer: boolean;
}

const FOLDER = join(import.meta.dirname, 'scenarios');

/** All scenarios, in the order of their files. @throws for a file that is none, with the places. */
export function readScenarios(): readonly Scenario[] {
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .sort();
  const all = files.flatMap((file) => parseScenarios(file, readFileSync(join(FOLDER, file), 'utf8')));
  const names = new Set<string>();
  for (const { name, area } of all) {
    if (names.has(name)) throw new Error(`${area}.yaml: two scenarios are called "${name}"`);
    names.add(name);
  }
  return all;
}

/** The scenarios of one file. @throws with the file's name and every mistake. */
export function parseScenarios(file: string, text: string): readonly Scenario[] {
  const document = parseDocument(text, { customTags: TAGS, prettyErrors: true });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) throw new Error(`${file}: ${mistake.message}`);
  const data: unknown = document.toJS();
  const parsed = scenarios.safeParse(data);
  if (parsed.success) return parsed.data.map((each) => complete(file.replace(/\.yaml$/, ''), each));
  const places = parsed.error.issues.map(({ path, message }) => `  ${placeOf(data, path)}: ${message}`);
  throw new Error(`${file} holds scenarios that are none:\n${places.join('\n')}`);
}

function complete(area: string, data: ScenarioData): Scenario {
  const { scenario: name, workflow, changed = [], apiKeys = [], payload, initialState, expect } = data;
  const workflows = workflow === undefined ? (data.workflows ?? []) : [workflow];
  const invocation = { invoke: workflows[0]?.id, payload, options: { initialState } };
  const given = data.when ?? [invocation];
  const verbs = given.map((action) => verbOf(action).verb);
  const when = verbs.includes('start') ? given : [{ start: 'worker' }, ...given];
  const harmsWorkers = verbs.includes('kill') || verbs.includes('stop');
  const needsOwnServer = verbs.includes('server') || apiKeys.length > 0;
  return { name, area, workflows, changed, apiKeys, when, expect, harmsWorkers, needsOwnServer };
}

/** Names the scenario, because its number among many says nothing. */
function placeOf(data: unknown, [index, ...rest]: readonly PropertyKey[]): string {
  const found = Array.isArray(data) && typeof index === 'number' ? data[index] : undefined;
  const name = (found as { scenario?: unknown } | undefined)?.scenario;
  return [`"${String(name ?? index)}"`, ...rest.map(String)].join(' / ');
}
