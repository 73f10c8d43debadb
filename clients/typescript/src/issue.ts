/** One place where a value does not fit its schema. */
export interface Issue {
  /** Where: a JSON Pointer into the value; empty for the value as a whole. */
  readonly path: string;
  /** What is wrong, for a person. */
  readonly message: string;
}

/** Issues that one error carries at most. */
export const ISSUES_MAX = 20;

/** One line that names the first places and how many more there are. */
export function describeIssues(what: string, issues: readonly Issue[]): string {
  const shown = issues
    .slice(0, 3)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '';
  return `${what} is not valid: ${shown.join('; ')}${more}`;
}
