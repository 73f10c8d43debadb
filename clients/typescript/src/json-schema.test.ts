import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { z as z3 } from 'zod3';
import { toJsonSchemaText } from './json-schema.js';

const written = async (schema: Parameters<typeof toJsonSchemaText>[0], side: 'input' | 'output' = 'input') =>
  JSON.parse((await toJsonSchemaText(schema, side)) ?? 'null');

describe('a schema', () => {
  it.each([
    ['zod 4', z.object({ n: z.number().default(0), tags: z.array(z.string()) })],
    ['zod 3', z3.object({ n: z3.number().default(0), tags: z3.array(z3.string()) })],
  ])(
    'of %s is written as callers send the value: defaults may be missing, more keys are fine',
    async (_, schema) => {
      const document = await written(schema);
      expect(document.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
      expect(document.required).toEqual(['tags']);
      expect(document.properties.n).toMatchObject({ type: 'number', default: 0 });
      expect(document.additionalProperties ?? true).not.toBe(false);
    },
  );

  it.each([
    ['zod 4', z.strictObject({ a: z.string() })],
    ['zod 3', z3.object({ a: z3.string() }).strict()],
  ])('of %s that refuses unknown keys says so', async (_, schema) => {
    expect((await written(schema)).additionalProperties).toBe(false);
  });

  it('of zod 3 writes tuples and references in the words of 2020-12', async () => {
    const point = z3.object({ x: z3.number() });
    const document = await written(
      z3.object({ pair: z3.tuple([point, z3.string()]).rest(z3.number()), again: point }),
    );
    expect(document.properties.pair).toMatchObject({
      prefixItems: [{ type: 'object' }, { type: 'string' }],
      items: { type: 'number' },
    });
    expect(document.properties.again.$ref).toBe('#/properties/pair/prefixItems/0');
  });

  it('leaves open what JSON Schema cannot say', async () => {
    const document = await written(
      z.object({ n: z.number().refine((n) => n % 2 === 0), big: z.bigint().optional() }),
    );
    expect(document.properties.big).toEqual({});
  });

  it.each([
    [
      'zod 4',
      z.object({ a: z.coerce.number(), b: z.preprocess(Number, z.number()), c: z.number().catch(1) }),
    ],
    [
      'zod 3',
      z3.object({ a: z3.coerce.number(), b: z3.preprocess(Number, z3.number()), c: z3.number().catch(1) }),
    ],
  ])('of %s leaves open what is made fit before it is checked', async (_, schema) => {
    expect((await written(schema)).properties).toEqual({ a: {}, b: {}, c: {} });
    expect((await written(schema)).required ?? []).not.toContain('c');
    expect((await written(schema, 'output')).properties).toMatchObject({
      a: { type: 'number' },
      c: { type: 'number' },
    });
  });

  it('of zod does not refuse what a pattern accepts by its flags', async () => {
    const { properties } = await written(
      z.object({ a: z.string().regex(/^ab$/i), b: z.string().regex(/^ab$/) }),
    );
    expect(properties).toEqual({ a: { type: 'string' }, b: { type: 'string', pattern: '^ab$' } });
    const three = await written(z3.object({ a: z3.string().regex(/^ab$/i) }));
    expect('AB').toMatch(new RegExp(three.properties.a.pattern));
  });

  it.each([
    ['zod 4', z.object({ a: z.string().transform(Number) })],
    ['zod 3', z3.object({ a: z3.string().transform(Number) })],
  ])('of %s with a transform describes what comes in, and leaves open what comes out', async (_, schema) => {
    expect((await written(schema)).properties.a).toEqual({ type: 'string' });
    expect((await written(schema, 'output')).properties.a).toEqual({});
  });

  it('of a library that cannot say it is left to the SDK', async () => {
    const standard = { version: 1 as const, vendor: 'other', validate: (value: unknown) => ({ value }) };
    expect(await toJsonSchemaText({ '~standard': standard }, 'input')).toBeUndefined();
  });
});
