/** What an error says besides type, message and cause, by the names that the runner knows. */
const MEMBERS = [
  'attempts',
  'details',
  'errorType',
  'executionStatus',
  'hookName',
  'limit',
  'maxSize',
  'path',
  'phase',
  'resourceType',
  'size',
  'status',
  'stepKey',
  'timeoutSeconds',
];

/** This language's errors for arguments that can never work; the runner's word is the same for every language. */
const USAGE_ERRORS = ['TypeError', 'RangeError', 'SyntaxError'];

/** An error as the runner compares it. */
export function describeError(error) {
  if (!(error instanceof Error)) return { type: 'Error', message: String(error) };
  const isUsage = USAGE_ERRORS.includes(error.constructor.name) && error.name === error.constructor.name;
  const described = { type: isUsage ? 'UsageError' : error.name, message: error.message };
  for (const name of MEMBERS) if (error[name] !== undefined) described[name] = error[name];
  const issues = error.issues ?? error.fieldViolations;
  if (issues !== undefined) described.issues = issues.map(({ path, message }) => ({ path, message }));
  if (error.executionIds !== undefined) described.started = error.executionIds.map((id) => id !== undefined);
  if (error.errors instanceof Map) {
    described.errors = [...error.errors].map(([item, each]) => ({ item, ...describeError(each) }));
  }
  if (error.cause !== undefined) described.cause = describeError(error.cause);
  return described;
}

/** A value as JSON can hold it: `undefined` has a name of its own, dates are text. */
export function describeValue(value) {
  return value === undefined ? { '!value': 'nothing' } : value;
}
