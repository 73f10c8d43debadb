import { z } from 'zod';

const TYPES = {
  string: () => z.string(),
  integer: () => z.int(),
  number: () => z.number(),
  boolean: () => z.boolean(),
  any: () => z.json(),
  list: ({ of = 'any' }) => z.array(toType(of)),
  map: ({ of = 'any' }) => z.record(z.string(), toType(of)),
  object: ({ fields }) => toSchema(fields),
};

/** The zod schema of an object whose fields the runner describes. */
export function toSchema(fields) {
  return z.object(
    Object.fromEntries(Object.entries(fields).map(([name, described]) => [name, toType(described)])),
  );
}

function toType(described) {
  const { type, ...rest } = typeof described === 'string' ? { type: described } : described;
  let schema = TYPES[type](rest);
  if (rest.min !== undefined) schema = schema.min(rest.min);
  if (rest.max !== undefined) schema = schema.max(rest.max);
  if (rest.nullable === true) schema = schema.nullable();
  if ('default' in rest) schema = schema.default(rest.default);
  return rest.optional === true ? schema.optional() : schema;
}
