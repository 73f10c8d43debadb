import type { Document } from 'mongodb';

/** What a server does in its database, and must be allowed to. docs/operations.md has a role of just these. */
export const ACTIONS = [
  'find',
  'insert',
  'update',
  'remove',
  'createCollection',
  'createIndex',
  'listCollections',
  'listIndexes',
  'collMod',
  'changeStream',
] as const;

/** One of them. */
export type Action = (typeof ACTIONS)[number];

/** Of a database as a whole, the last two for the change stream; all others are of its collections. */
const OF_THE_DATABASE: ReadonlySet<Action> = new Set(['listCollections', 'find', 'changeStream']);

/** A place in MongoDB, and what a user may do there, as `connectionStatus` tells. */
export interface Privilege {
  readonly resource: Document;
  readonly actions: readonly string[];
}

/** Where the actions are needed. */
export interface Needed {
  readonly database: string;
  readonly collections: readonly string[];
}

/** The actions that the privileges, all taken together, do not allow everywhere. */
export function missingActions(
  privileges: readonly Privilege[],
  { database, collections }: Needed,
): Action[] {
  const isAllowed = (action: Action, collection: string) =>
    privileges.some(
      ({ resource, actions }) => covers(resource, { database, collection }) && actions.includes(action),
    );
  return ACTIONS.filter((action) => {
    const places = OF_THE_DATABASE.has(action) ? [''] : collections;
    return !places.every((collection) => isAllowed(action, collection));
  });
}

/** An empty name stands for all of them; https://www.mongodb.com/docs/manual/reference/resource-document/ */
function covers(
  { anyResource, db, collection }: Document,
  place: { readonly database: string; readonly collection: string },
): boolean {
  if (anyResource === true) return true;
  return (db === '' || db === place.database) && (collection === '' || collection === place.collection);
}
