import { InOrder } from '../in-order.js';
import type { SchemaQuery, StoredSchema } from '../store.js';
import { fromBson, toTime } from './bson-values.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';

type SchemaKey = Pick<StoredSchema, 'projectId' | 'workflowId' | 'kind' | 'digest'>;

/** A schema as it is kept. What it is found by is its id, and again beside that, for the index. */
export interface SchemaDocument extends SchemaKey {
  readonly _id: SchemaKey;
  readonly jsonSchema: string;
  readonly registeredAt: Date | number;
}

/** The registered schemas. */
export class Schemas {
  private readonly connection: Connection;
  private readonly puts = new InOrder();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** See `Store.putSchema`. */
  async put({ jsonSchema, registeredAt, ...key }: StoredSchema): Promise<void> {
    const { projectId, workflowId, kind, digest } = key;
    // In an id the order of the fields counts.
    const _id = { projectId, workflowId, kind, digest };
    const $set = { ..._id, jsonSchema, registeredAt: toTime(registeredAt) };
    await this.puts.run(JSON.stringify(_id), () =>
      this.connection.ask(`put a schema of "${workflowId}"`, (session) =>
        this.connection.schemas.updateOne({ _id }, { $set }, { upsert: true, session }),
      ),
    );
  }

  /** See `Store.listSchemas`. */
  async list(query: SchemaQuery): Promise<readonly StoredSchema[]> {
    const { filter, options } = findSchemas(query);
    return this.connection.ask(`list schemas of "${query.projectId}"`, async (session) => {
      const found = await this.connection.schemas
        .find(filter, { ...options, session, maxTimeMS: QUERY_MS_MAX })
        .toArray();
      return found.map(({ _id, ...schema }) => fromBson(schema) as StoredSchema);
    });
  }
}

function findSchemas({ projectId, workflowId, registeredSince }: SchemaQuery) {
  return {
    filter: {
      projectId,
      ...(workflowId !== undefined && { workflowId }),
      ...(registeredSince !== undefined && { registeredAt: { $gte: toTime(registeredSince) } }),
    },
    options: { sort: { workflowId: 1, kind: 1, registeredAt: -1, digest: 1 } },
  } as const;
}
