import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ISSUES_MAX, type Issue } from './issue.js';
import { toPointer } from './state/pointer.js';

/** A schema's answer: the value with defaults filled in, or what is wrong with it. */
export type Checked<T> = { readonly value: T } | { readonly issues: readonly Issue[] };

/**
 * Asks a schema whether a value fits. Schemas that answer at once cost no turn of the event loop; a schema that answers
 * with a promise makes this one.
 */
export function check<T>(
  schema: StandardSchemaV1<unknown, T>,
  value: unknown,
): Checked<T> | Promise<Checked<T>> {
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(toChecked) : toChecked(result);
}

function toChecked<T>(result: StandardSchemaV1.Result<T>): Checked<T> {
  if (result.issues === undefined) return { value: result.value };
  return { issues: result.issues.slice(0, ISSUES_MAX).map(toIssue) };
}

function toIssue(issue: StandardSchemaV1.Issue): Issue {
  const path = (issue.path ?? []).map((segment) => {
    const key = typeof segment === 'object' ? segment.key : segment;
    return typeof key === 'number' ? key : String(key);
  });
  return { path: toPointer(path), message: issue.message };
}
