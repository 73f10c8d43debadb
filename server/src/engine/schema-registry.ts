import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonValue } from '../core/json.js';
import { parseJson } from '../core/json.js';
import type { SchemaKind, Store, StoredSchema } from '../store/store.js';
import type { SchemaReport, SchemaView, WorkerRegistration } from './api.js';
import type { Clock } from './clock.js';
import { EngineError, type SchemaIssue } from './errors.js';
import type { CompiledSchema } from './schema-compiler.js';

/** The version of a schema that Invoke checks against. */
type CurrentSchema = { readonly digest: string } & Compiled;

/** A schema that can be checked against, or why it cannot. */
type Compiled = { readonly schema: CompiledSchema } | { readonly problem: string };

/** Where a value does not fit the registered schema. */
export interface Violation {
  readonly digest: string;
  readonly issues: readonly SchemaIssue[];
}

const KINDS: readonly SchemaKind[] = ['payload', 'state', 'result'];

/** The schemas of all workflows: kept in the store by digest, and the current ones compiled in memory. */
export class SchemaRegistry {
  private readonly store: Store;
  private readonly clock: Clock;
  /** By project, then by workflow and kind. A project's schemas are read when it is first asked about. */
  private readonly projects = new Map<string, Promise<Map<string, CurrentSchema>>>();

  constructor(store: Store, clock: Clock) {
    this.store = store;
    this.clock = clock;
  }

  /** Keeps the schemas of a worker's workflows and makes them current. Reports those that are new or unusable. */
  async register({ projectId, workflows }: WorkerRegistration): Promise<readonly SchemaReport[]> {
    const current = await this.current(projectId);
    const reports: SchemaReport[] = [];
    for (const workflow of workflows) {
      for (const kind of KINDS) {
        const text = workflow.schemas[kind];
        if (text === undefined) continue;
        const report = await this.registerOne(current, { projectId, workflowId: workflow.id, kind, text });
        if (report) reports.push(report);
      }
    }
    return reports;
  }

  /** Checks a value against the current schema; undefined if it fits or there is no schema to check against. */
  async check(
    projectId: string,
    workflowId: string,
    kind: SchemaKind,
    value: () => JsonValue,
  ): Promise<Violation | undefined> {
    const current = (await this.current(projectId)).get(keyOf(workflowId, kind));
    if (!current || 'problem' in current) return undefined;
    const issues = current.schema.check(value());
    return issues.length > 0 ? { digest: current.digest, issues } : undefined;
  }

  async list(projectId: string, workflowId?: string): Promise<readonly SchemaView[]> {
    const query = workflowId === undefined ? { projectId } : { projectId, workflowId };
    return withCurrent(await this.store.listSchemas(query));
  }

  async get(projectId: string, digest: string): Promise<SchemaView> {
    const schema = (await this.list(projectId)).find((candidate) => candidate.digest === digest);
    if (!schema) throw new EngineError({ type: 'not_found', resource: 'schema', id: digest });
    return schema;
  }

  private current(projectId: string): Promise<Map<string, CurrentSchema>> {
    const known = this.projects.get(projectId);
    if (known) return known;
    const loading = this.load(projectId);
    this.projects.set(projectId, loading);
    loading.catch(() => this.projects.delete(projectId));
    return loading;
  }

  private async load(projectId: string): Promise<Map<string, CurrentSchema>> {
    const current = new Map<string, CurrentSchema>();
    for (const schema of withCurrent(await this.store.listSchemas({ projectId }))) {
      if (!schema.current) continue;
      const { digest, jsonSchema } = schema;
      current.set(keyOf(schema.workflowId, schema.kind), { digest, ...(await compile(jsonSchema)) });
    }
    return current;
  }

  private async registerOne(
    current: Map<string, CurrentSchema>,
    schema: { projectId: string; workflowId: string; kind: SchemaKind; text: string },
  ): Promise<SchemaReport | undefined> {
    const { projectId, workflowId, kind, text } = schema;
    const key = keyOf(workflowId, kind);
    const previous = current.get(key);
    const digest = digestOf(text);
    if (previous?.digest === digest) {
      return 'problem' in previous ? { workflowId, kind, digest, problem: previous.problem } : undefined;
    }
    const compiled = await compile(text);
    const registeredAt = this.clock.now();
    await this.store.putSchema({ projectId, workflowId, kind, digest, jsonSchema: text, registeredAt });
    current.set(key, { digest, ...compiled });
    return {
      workflowId,
      kind,
      digest,
      ...(previous && { previousDigest: previous.digest }),
      ...('problem' in compiled && { problem: compiled.problem }),
    };
  }
}

/** The newest registration of each workflow and kind is the current one; the store lists it first. */
function withCurrent(schemas: readonly StoredSchema[]): SchemaView[] {
  const seen = new Set<string>();
  return schemas.map((schema) => {
    const key = keyOf(schema.workflowId, schema.kind);
    const isFirst = !seen.has(key);
    seen.add(key);
    return { ...schema, current: isFirst };
  });
}

function digestOf(text: string): string {
  const parsed = parseJson(text);
  const canonical = 'value' in parsed ? canonicalize(parsed.value) : text;
  return createHash('sha256')
    .update(canonical ?? text)
    .digest('hex');
}

/** The compiler takes 10 MB of memory and a tenth of a second: it is loaded with the first schema. */
async function compile(text: string): Promise<Compiled> {
  const { compileSchema } = await import('./schema-compiler.js');
  return compileSchema(text);
}

function keyOf(workflowId: string, kind: SchemaKind): string {
  return `${kind}\0${workflowId}`;
}
