/** Values that JSON cannot hold, by the runner's names for them. Each is made anew. */
const VALUES = {
  nothing: () => undefined,
  nan: () => Number.NaN,
  infinity: () => Number.POSITIVE_INFINITY,
  'minus infinity': () => Number.NEGATIVE_INFINITY,
  'minus zero': () => -0,
  'integer too large': () => 2 ** 53,
  'integer too small': () => -(2 ** 53),
  'lone surrogate': () => 'a\ud800',
  'name with a lone surrogate': () => ({ 'a\udc00': 1 }),
  date: () => new Date(0),
  set: () => new Set([1]),
  bytes: () => new Uint8Array([1]),
  function: () => () => 1,
  instance: () => new (class Point {})(),
  cycle() {
    const cycle = {};
    cycle.self = cycle;
    return cycle;
  },
};

/** The value of an expression: a literal, `{"!get": "ROOT/PATH"}` or `{"!value": NAME}`, at any depth. */
export function evaluate(expression, scope) {
  if (Array.isArray(expression)) return expression.map((element) => evaluate(element, scope));
  if (typeof expression !== 'object' || expression === null) return expression;
  if (typeof expression['!get'] === 'string') return lookUp(expression['!get'], scope);
  if (typeof expression['!value'] === 'string') return VALUES[expression['!value']]();
  const object = {};
  for (const [key, member] of Object.entries(expression)) setOwn(object, key, evaluate(member, scope));
  return object;
}

/** A key whose `{name}` are replaced by the scope's variables. */
export function interpolate(key, scope) {
  if (typeof key !== 'string') return evaluate(key, scope);
  return key.replaceAll(/\{(\w+)\}/g, (_, name) => String(scope.locals[name]));
}

/** Changes the place in the state that a JSON Pointer names; `change` gets the container and the place's name in it. */
export function atPlace(state, pointer, change) {
  const segments = pointer.split('/').slice(1).map(unescaped);
  const last = segments.pop();
  const container = segments.reduce((value, segment) => value[segment], state);
  change(container, last);
}

/** Sets an own member, also one that is called `__proto__`. */
export function setOwn(container, key, value) {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function lookUp(path, scope) {
  const [root, ...segments] = path.split('/').map(unescaped);
  const value = segments.reduce(memberOf, rootOf(root, scope));
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}

function rootOf(root, scope) {
  switch (root) {
    case 'payload':
    case 'results':
    case 'hook':
      return scope[root];
    case 'state':
      return scope.ctx.state;
    case 'execution':
      return executionOf(scope.ctx);
    default:
      return scope.locals[root];
  }
}

function executionOf(ctx) {
  return {
    id: ctx.executionId,
    workflow: ctx.workflowId,
    parent: ctx.parentExecutionId,
    root: ctx.rootExecutionId,
    rootWorkflow: ctx.rootWorkflowId,
    session: ctx.sessionId,
    user: ctx.userId,
    retryCount: ctx.retryCount,
  };
}

function memberOf(value, segment) {
  return value === undefined || value === null || !Object.hasOwn(value, segment) ? undefined : value[segment];
}

function unescaped(segment) {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
