import type { Language } from './languages.js';

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
}

/** Every part in one language. */
export function oneLanguage(language: Language): Cast {
  return { name: language.name, client: language, worker: language, laterWorkers: language };
}

/** The ways to mix two languages. */
export function mixed(one: Language, other: Language): readonly Cast[] {
  const cast = (name: string, parts: Partial<Cast>): Cast => ({ ...oneLanguage(one), name, ...parts });
  return [
    cast(`${one.name} client, ${other.name} workers`, { worker: other, laterWorkers: other }),
    cast(`${one.name} worker, then ${other.name}`, { laterWorkers: other }),
    cast(`${one.name} parents, ${other.name} children`, { children: other }),
    cast(`${one.name} and ${other.name} workers at once`, { beside: other }),
  ];
}
