import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';

/** Which side of a schema: what it accepts, or what it returns. */
export type SchemaSide = 'input' | 'output';

const TARGET = 'draft-2020-12';

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
    return write({ target: TARGET, libraryOptions: lenient(side) });
  }
  if (schema['~standard'].vendor !== 'zod') return undefined;
  return '_zod' in schema ? fromZod4(schema, side) : fromZod3(schema, side);
}

function saysJsonSchema(schema: StandardSchemaV1): schema is StandardSchemaV1 & StandardJSONSchemaV1 {
  return 'jsonSchema' in schema['~standard'];
}

/** The part of a zod 4 schema that says what it accepts. */
interface Zod4Schema {
  readonly _zod: {
    readonly def: {
      readonly type: string;
      readonly coerce?: boolean;
      readonly in?: Zod4Schema;
      readonly shape?: Readonly<Record<string, Zod4Schema>>;
      readonly pattern?: RegExp;
      readonly checks?: readonly { readonly _zod: { readonly def: { readonly pattern?: RegExp } } }[];
    };
  };
}

/** The part of a zod 3 schema that says the same. */
interface Zod3Definition {
  readonly typeName?: string;
  readonly coerce?: boolean;
  readonly effect?: { readonly type: string };
}

/**
 * What a schema cannot say in JSON Schema, such as a refinement, is left open: the SDK checks it in any case. So is what zod
 * says too strictly of what it accepts: whatever is coerced, preprocessed or caught, and patterns that have flags.
 */
function lenient(side: SchemaSide) {
  return {
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: Record<string, unknown> }) {
      const schema = zodSchema as Zod4Schema;
      const { def } = schema._zod;
      if (side === 'input' && acceptsAnything(schema)) {
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      }
      if (side === 'input' && def.shape !== undefined && Array.isArray(jsonSchema.required)) {
        const { shape } = def;
        jsonSchema.required = jsonSchema.required.filter((name) => !mayBeMissing(shape[name]));
      }
      const patterns = [def.pattern, ...(def.checks ?? []).map((check) => check._zod.def.pattern)];
      if (patterns.some((pattern) => pattern !== undefined && /[ims]/.test(pattern.flags))) {
        delete jsonSchema.pattern;
        delete jsonSchema.allOf;
      }
    },
  } as const;
}

/** Whether what comes in is changed before it is checked, or replaced if it does not fit. */
function acceptsAnything({ _zod: { def } }: Zod4Schema): boolean {
  return (
    def.coerce === true ||
    def.type === 'catch' ||
    (def.type === 'pipe' && def.in?._zod.def.type === 'transform')
  );
}

/** Also where that gets nothing at all; nothing can be made a number only by a function of one's own. */
function mayBeMissing(schema: Zod4Schema | undefined): boolean {
  return schema !== undefined && schema._zod.def.coerce !== true && acceptsAnything(schema);
}

/** zod 4 before it could say so itself. */
async function fromZod4(schema: StandardSchemaV1, side: SchemaSide): Promise<unknown> {
  const { toJSONSchema } = await import('zod/v4/core');
  type ZodSchema = Parameters<typeof toJSONSchema>[0];
  return toJSONSchema(schema as unknown as ZodSchema, { io: side, target: TARGET, ...lenient(side) });
}

async function fromZod3(schema: StandardSchemaV1, side: SchemaSide): Promise<unknown> {
  const { ignoreOverride, zodToJsonSchema } = await import('zod-to-json-schema');
  type ZodSchema = Parameters<typeof zodToJsonSchema>[0];
  const document = zodToJsonSchema(schema as unknown as ZodSchema, {
    target: 'jsonSchema7',
    pipeStrategy: side,
    effectStrategy: side === 'input' ? 'input' : 'any',
    // Objects that strip unknown keys accept them: that is what a schema means that says nothing of them.
    removeAdditionalStrategy: 'strict',
    allowedAdditionalProperties: undefined,
    applyRegexFlags: true,
    override: (definition) => {
      const { typeName, coerce, effect } = definition as Zod3Definition;
      return side === 'input' && (typeName === 'ZodCatch' || coerce === true || effect?.type === 'preprocess')
        ? {}
        : ignoreOverride;
    },
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
