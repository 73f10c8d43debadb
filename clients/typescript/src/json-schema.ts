import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';

/** Which side of a schema: what it accepts, or what it returns. */
export type SchemaSide = 'input' | 'output';

const TARGET = 'draft-2020-12';
/** What a schema cannot say in JSON Schema, such as a refinement, is left open: the SDK checks it in any case. */
const LENIENT = { unrepresentable: 'any' } as const;

/**
 * Writes a schema as JSON Schema (2020-12), so that the server can check values before a worker sees them.
 * @returns the text, or undefined for a library that has no way to say it: then only the SDK checks.
 * @throws whatever the library throws for a schema that it cannot express.
 */
export async function toJsonSchemaText(
  schema: StandardSchemaV1,
  side: SchemaSide,
): Promise<string | undefined> {
  const document = await toJsonSchema(schema, side);
  return document === undefined ? undefined : JSON.stringify(document);
}

async function toJsonSchema(schema: StandardSchemaV1, side: SchemaSide): Promise<unknown> {
  if (saysJsonSchema(schema)) {
    const write = schema['~standard'].jsonSchema[side];
    return write({ target: TARGET, libraryOptions: LENIENT });
  }
  if (schema['~standard'].vendor !== 'zod') return undefined;
  return '_zod' in schema ? fromZod4(schema, side) : fromZod3(schema, side);
}

function saysJsonSchema(schema: StandardSchemaV1): schema is StandardSchemaV1 & StandardJSONSchemaV1 {
  return 'jsonSchema' in schema['~standard'];
}

/** zod 4 before it could say so itself. */
async function fromZod4(schema: StandardSchemaV1, side: SchemaSide): Promise<unknown> {
  const { toJSONSchema } = await import('zod/v4/core');
  type ZodSchema = Parameters<typeof toJSONSchema>[0];
  return toJSONSchema(schema as unknown as ZodSchema, { io: side, target: TARGET, ...LENIENT });
}

async function fromZod3(schema: StandardSchemaV1, side: SchemaSide): Promise<unknown> {
  const { zodToJsonSchema } = await import('zod-to-json-schema');
  type ZodSchema = Parameters<typeof zodToJsonSchema>[0];
  const document = zodToJsonSchema(schema as unknown as ZodSchema, {
    target: 'jsonSchema7',
    pipeStrategy: side,
    effectStrategy: side === 'input' ? 'input' : 'any',
    // Objects that strip unknown keys accept them.
    removeAdditionalStrategy: 'strict',
  });
  return { ...(toDraft2020(document) as object), $schema: 'https://json-schema.org/draft/2020-12/schema' };
}

/** Rewrites what draft 7 says differently: tuples, and the references into them. */
function toDraft2020(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toDraft2020);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { items, additionalItems, $ref, ...rest } = schema as Record<string, unknown>;
  const isTuple = Array.isArray(items);
  const others = Object.entries(rest).map(([key, value]) => [
    key,
    key === 'default' ? value : toDraft2020(value),
  ]);
  return {
    ...Object.fromEntries(others),
    ...(isTuple && { prefixItems: toDraft2020(items) }),
    ...(isTuple && additionalItems !== undefined && { items: toDraft2020(additionalItems) }),
    ...(!isTuple && items !== undefined && { items: toDraft2020(items) }),
    ...(typeof $ref === 'string' && {
      $ref: $ref.replace(/\/items\/(\d+)/g, '/prefixItems/$1').replaceAll('/additionalItems', '/items'),
    }),
  };
}
