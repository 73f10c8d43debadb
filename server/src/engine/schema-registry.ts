import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonValue } from '../core/json.js';
import { parseJson } from '../core/json.js';
import type { SchemaKind, Store, StoredSchema } from '../store/store.js';
import type { SchemaReport, SchemaView, WorkerRegistration, WorkflowDefinition } from './api.js';
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

/** The current schemas of a project, by workflow and kind, and when they were read from the store. */
interface ProjectSchemas {
  readonly current: Map<string, CurrentSchema>;
  readAt: number;
}

/** How long what was read of a project's schemas counts, if other servers register some, too. */
const RECALL_MS = 1_000;

/** By how much the clocks of two servers may differ. */
const CLOCKS_APART_MS_MAX = 60_000;

/** Versions of schemas that are kept compiled beside the current ones. */
const VERSIONS_MAX = 100;

const KINDS: readonly SchemaKind[] = ['payload', 'state', 'result'];

/** The schemas of all workflows: kept in the store by digest, and the current ones compiled in memory. */
export class SchemaRegistry {
  private readonly store: Store;
  private readonly clock: Clock;
  /** A project's schemas are read when it is first asked about. */
  private readonly projects = new Map<string, Promise<ProjectSchemas>>();
  /** By digest, versions of states' schemas that are not current, and that workers still commit by. */
  private readonly versions = new Map<string, Compiled>();

  constructor(store: Store, clock: Clock) {
    this.store = store;
    this.clock = clock;
  }

  /**
   * Keeps the schemas of a worker's workflows and makes them current. Reports those that are new or unusable; answers the
   * workflows with the digests of their state's schemas.
   */
  async register({ projectId, workflows }: WorkerRegistration): Promise<{
    readonly reports: readonly SchemaReport[];
    readonly workflows: readonly WorkflowDefinition[];
  }> {
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
    return { reports, workflows: workflows.map(withDigest) };
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

  /**
   * Checks a state against one version of its schema: that of the worker which commits it, whatever newer ones there are.
   * Undefined if it fits or the schema cannot be used.
   */
  async checkState(
    { projectId, workflowId, digest }: { projectId: string; workflowId: string; digest: string },
    value: JsonValue,
  ): Promise<Violation | undefined> {
    const compiled = await this.version(projectId, workflowId, digest);
    if (!compiled || 'problem' in compiled) return undefined;
    const issues = compiled.schema.check(value);
    return issues.length > 0 ? { digest, issues } : undefined;
  }

  private async version(
    projectId: string,
    workflowId: string,
    digest: string,
  ): Promise<Compiled | undefined> {
    const current = (await this.current(projectId)).get(keyOf(workflowId, 'state'));
    if (current?.digest === digest) return current;
    const known = this.versions.get(digest);
    if (known) return known;
    const stored = (await this.store.listSchemas({ projectId, workflowId })).find(
      (schema) => schema.kind === 'state' && schema.digest === digest,
    );
    if (!stored) return undefined;
    const compiled = await compile(stored.jsonSchema);
    if (this.versions.size >= VERSIONS_MAX) this.versions.clear();
    this.versions.set(digest, compiled);
    return compiled;
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

  private async current(projectId: string): Promise<Map<string, CurrentSchema>> {
    const schemas = await this.known(projectId);
    const isOld = this.clock.now() - schemas.readAt >= RECALL_MS;
    if (this.store.isShared && isOld) await this.refresh(projectId, schemas);
    return schemas.current;
  }

  private known(projectId: string): Promise<ProjectSchemas> {
    const known = this.projects.get(projectId);
    if (known) return known;
    const loading = this.load(projectId);
    this.projects.set(projectId, loading);
    loading.catch(() => this.projects.delete(projectId));
    return loading;
  }

  private async load(projectId: string): Promise<ProjectSchemas> {
    const readAt = this.clock.now();
    const current = new Map<string, CurrentSchema>();
    await takeOver(current, await this.store.listSchemas({ projectId }));
    return { current, readAt };
  }

  /** Takes over what other servers registered. Whoever asks meanwhile gets what was known before. */
  private async refresh(projectId: string, schemas: ProjectSchemas): Promise<void> {
    const { readAt } = schemas;
    schemas.readAt = this.clock.now();
    try {
      const registeredSince = readAt - CLOCKS_APART_MS_MAX;
      await takeOver(schemas.current, await this.store.listSchemas({ projectId, registeredSince }));
    } catch (error) {
      schemas.readAt = readAt;
      throw error;
    }
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

/** Makes the newest of the listed schemas the current ones; compiles those that are new. */
async function takeOver(current: Map<string, CurrentSchema>, listed: readonly StoredSchema[]): Promise<void> {
  for (const schema of withCurrent(listed)) {
    const { workflowId, kind, digest, jsonSchema } = schema;
    const key = keyOf(workflowId, kind);
    if (!schema.current || current.get(key)?.digest === digest) continue;
    current.set(key, { digest, ...(await compile(jsonSchema)) });
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

function withDigest(workflow: WorkflowDefinition): WorkflowDefinition {
  const { state } = workflow.schemas;
  return state === undefined ? workflow : { ...workflow, stateSchemaDigest: digestOf(state) };
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
