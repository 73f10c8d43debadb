import type { Language } from './languages.js';
import { verbOf } from './scenario.js';
import type { Scenario } from './scenario-files.js';

/** Who plays what in a scenario: each part in a language of its own. */
export interface Cast {
  readonly name: string;
  readonly client: Language;
  /** The first worker that a scenario starts. */
  readonly worker: Language;
  /** Those that it starts after that. */
  readonly laterWorkers: Language;
  /** Who serves all workflows but the first, if not their worker itself. */
  readonly children?: Language;
  /** Who serves the same workflows beside each worker. */
  readonly beside?: Language;
  /** Whether a scenario has the parts that this is about. */
  readonly suits: (scenario: Scenario) => boolean;
}

/** Every part in one language. */
export function oneLanguage(language: Language): Cast {
  const { name } = language;
  return { name, client: language, worker: language, laterWorkers: language, suits: () => true };
}

/** The ways to mix two languages. */
export function mixed(one: Language, other: Language): readonly Cast[] {
  const cast = (name: string, parts: Partial<Cast> & Pick<Cast, 'suits'>): Cast => ({
    ...oneLanguage(one),
    name,
    ...parts,
  });
  return [
    cast(`${one.name} clients, ${other.name} workers`, {
      worker: other,
      laterWorkers: other,
      suits: ({ harmsWorkers, needsOwnServer }) => !harmsWorkers && !needsOwnServer,
    }),
    cast(`${one.name} workers, then ${other.name}`, {
      laterWorkers: other,
      suits: (scenario) => startsOf(scenario) > 1,
    }),
    cast(`${one.name} parents, ${other.name} children`, {
      children: other,
      suits: (scenario) => scenario.workflows.length > 1 && !isBound(scenario),
    }),
    cast(`${one.name} beside ${other.name} workers`, {
      beside: other,
      suits: ({ area }) => BESIDE.has(area),
    }),
  ];
}

/** What no second worker at the same time disturbs. */
const BESIDE = new Set(['batches', 'children', 'suspend', 'topics', 'waits']);

/** Whether a scenario says itself which worker serves what, or has parents that know their children's definitions. */
function isBound({ workflows, when }: Scenario): boolean {
  const isSaid = when.some((action) => 'start' in action && ('serves' in action || 'error' in action));
  return isSaid || JSON.stringify(workflows).includes('"defined":true');
}

function startsOf({ when }: Scenario): number {
  return when.filter((action) => verbOf(action).verb === 'start').length;
}
