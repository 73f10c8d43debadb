import type Database from 'libsql';
import type { SchemaQuery, StoredSchema } from '../store.js';
import { bodyCrc, checkedText } from './execution-row.js';
import type { Tally } from './execution-table.js';
import { toColumn } from './sqlite-text.js';
import { SQL } from './statements.js';

/** The schemas that workers registered. */
export class SchemaTable {
  private readonly file: string;
  private readonly upsert: Database.Statement;
  private readonly selectProject: Database.Statement;
  private readonly selectWorkflow: Database.Statement;

  constructor(database: Database.Database, file: string) {
    this.file = file;
    this.upsert = database.prepare(SQL.putSchema);
    this.selectProject = database.prepare(SQL.selectSchemas).raw();
    this.selectWorkflow = database.prepare(SQL.selectWorkflowSchemas).raw();
  }

  /** Writes a schema in the current transaction. */
  put(schema: StoredSchema, tally: Tally): void {
    const body = JSON.stringify(schema);
    const crc = bodyCrc(body, 0, 0);
    this.upsert.get([...schemaColumns(schema), body, crc]);
    tally.addSchemaWrite(crc);
  }

  /** See `Store.listSchemas`. */
  list({ projectId, workflowId, registeredSince = Number.NEGATIVE_INFINITY }: SchemaQuery): StoredSchema[] {
    const rows =
      workflowId === undefined
        ? this.selectProject.all([toColumn(projectId)])
        : this.selectWorkflow.all([toColumn(projectId), toColumn(workflowId)]);
    const { file } = this;
    const schemas = (rows as [ArrayBuffer, number][]).map(([body, crc], index) => {
      const row = { file, table: 'schema', key: index + 1, body, owner: 0, place: 0, crc };
      return JSON.parse(checkedText(row)) as StoredSchema;
    });
    return schemas.filter((schema) => schema.registeredAt >= registeredSince);
  }
}

/** The columns that repeat a part of the body, in the order of the statements. */
export function schemaColumns({
  projectId,
  workflowId,
  kind,
  digest,
  registeredAt,
}: StoredSchema): (string | number)[] {
  return [toColumn(projectId), toColumn(workflowId), kind, toColumn(digest), registeredAt];
}
