import { isDeepStrictEqual } from 'node:util';
import type { Db, Document } from 'mongodb';
import { COLLECTIONS, type CollectionLayout, type IndexLayout } from './collections.js';

/** The collection that keeps the version of the layout, in a single document. */
export const LAYOUT = 'layout';

/** A part of the layout, and how it is there. */
export interface LayoutPart {
  readonly what: 'collection' | 'index' | 'validator';
  /** Of an index `COLLECTION.INDEX`, otherwise the collection's. */
  readonly name: string;
  /** A validator that is different is replaced; an index that is different keeps a server from starting. */
  readonly state: 'present' | 'missing' | 'different';
  /** Of an index that is different: the name of the one in its place. */
  readonly obstacle?: string;
}

/** The validator of a collection, as `create` and `collMod` take it. */
export function rulesOf({ validator }: CollectionLayout): Document {
  return { validator, validationLevel: 'strict', validationAction: 'error' };
}

/** All parts of the layout, in the order in which they are made. What else there is in the database, is left out. */
export async function planLayout(db: Db): Promise<LayoutPart[]> {
  const found = await db.listCollections().toArray();
  const parts = await Promise.all(
    COLLECTIONS.map(async (layout) => {
      const info = found.find(({ name }) => name === layout.name);
      const indexes = info === undefined ? [] : await db.collection(layout.name).listIndexes().toArray();
      return partsOf(layout, info, indexes);
    }),
  );
  const isThere = found.some(({ name }) => name === LAYOUT);
  return [...parts.flat(), { what: 'collection', name: LAYOUT, state: isThere ? 'present' : 'missing' }];
}

function partsOf(
  layout: CollectionLayout,
  info: Document | undefined,
  indexes: readonly Document[],
): LayoutPart[] {
  const { name } = layout;
  return [
    { what: 'collection', name, state: info === undefined ? 'missing' : 'present' },
    { what: 'validator', name, state: validatorState(rulesOf(layout), info) },
    ...layout.indexes.map((index) => {
      return { what: 'index' as const, name: `${name}.${index.name}`, ...indexState(index, indexes) };
    }),
  ];
}

function validatorState(rules: Document, info: Document | undefined): LayoutPart['state'] {
  if (info === undefined) return 'missing';
  const { validator, validationLevel = 'strict', validationAction = 'error' } = info.options;
  if (validator === undefined) return 'missing';
  return isDeepStrictEqual({ validator, validationLevel, validationAction }, rules) ? 'present' : 'different';
}

/** The store's queries name the index that they use, and MongoDB makes no second one of the same definition. */
function indexState(
  index: IndexLayout,
  indexes: readonly Document[],
): Pick<LayoutPart, 'state' | 'obstacle'> {
  const similar =
    indexes.find(({ name }) => name === index.name) ?? indexes.find((each) => isSameIndex(index, each));
  if (similar === undefined) return { state: 'missing' };
  const isOurs = similar.name === index.name && isSameIndex(index, similar);
  return isOurs ? { state: 'present' } : { state: 'different', obstacle: similar.name };
}

/** The order of an index's fields counts. */
function isSameIndex(one: Document, other: Document): boolean {
  return isDeepStrictEqual(definitionOf(one), definitionOf(other));
}

function definitionOf({ key, unique = false, sparse = false, ...more }: Document): Document {
  const { partialFilterExpression, expireAfterSeconds, collation } = more;
  return { key: Object.entries(key), unique, sparse, partialFilterExpression, expireAfterSeconds, collation };
}
