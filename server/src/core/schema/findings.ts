import type { JsonValue } from '../json.js';

/** One difference between two versions of a schema. */
export interface SchemaFinding {
  /**
   * What it means for values that were written under the older version: all of them still fit, or some that it allowed do
   * not, or that cannot be told from the schemas.
   */
  readonly compatibility: 'compatible' | 'breaking' | 'unknown';
  /** JSON Pointer into the newer schema; into the older one for what is gone. */
  readonly pointer: string;
  /** The keyword that differs; empty for a schema as a whole. */
  readonly keyword: string;
  /** For a person. */
  readonly message: string;
}

const FINDINGS_MAX = 100;

const ORDER = { breaking: 0, unknown: 1, compatible: 2 } as const;

/** Characters of a value that a message shows. */
const SHOWN_LENGTH_MAX = 80;

/** What a comparison finds. Each place and keyword is there once for each meaning. */
export class Findings {
  /** Whether they are for somebody to read; else only the worst counts. */
  readonly isReport: boolean;
  /** Whether what is compatible is so only because defaults are filled in. */
  needsDefaults = false;
  private readonly found = new Map<string, SchemaFinding>();
  private readonly byDefault = new Set<string>();

  constructor({ isReport = true } = {}) {
    this.isReport = isReport;
  }

  add(
    compatibility: SchemaFinding['compatibility'],
    pointer: string,
    keyword: string,
    message: string,
  ): void {
    const key = JSON.stringify([pointer, keyword, compatibility, message]);
    if (!this.found.has(key)) this.found.set(key, { compatibility, pointer, keyword, message });
  }

  /** What is compatible because a default is filled in. */
  addDefault(pointer: string, keyword: string, message: string): void {
    this.needsDefaults = true;
    this.byDefault.add(JSON.stringify([pointer, keyword, 'compatible', message]));
    this.add('compatible', pointer, keyword, message);
  }

  /** Whether something was found at a place. */
  has(pointer: string, keyword: string): boolean {
    return [...this.found.values()].some((each) => each.pointer === pointer && each.keyword === keyword);
  }

  /** Filling in defaults may break what other keywords ask for. */
  doubtDefaults(): void {
    for (const key of this.byDefault) {
      const finding = this.found.get(key);
      if (finding) this.found.set(key, { ...finding, compatibility: 'unknown' });
    }
    const message = 'filling in defaults may break what other keywords of the schema ask for';
    this.add('unknown', '', 'default', message);
  }

  /** What another comparison found, where a breaking difference may be mended by another branch. */
  takeOverAsUnknown(others: Findings): void {
    for (const { compatibility, pointer, keyword, message } of others.found.values()) {
      this.add(compatibility === 'breaking' ? 'unknown' : compatibility, pointer, keyword, message);
    }
    this.needsDefaults ||= others.needsDefaults;
  }

  summary() {
    const all = [...this.found.values()].sort((a, b) => ORDER[a.compatibility] - ORDER[b.compatibility]);
    const findings = all.slice(0, FINDINGS_MAX);
    return {
      compatibility: all[0]?.compatibility ?? 'compatible',
      findings,
      omitted: all.length - findings.length,
    } as const;
  }
}

/** A value as messages show it. */
export function shown(value: JsonValue | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX - 3)}...` : text;
}
