import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JsonValue } from '../core/json.js';
import { parseJson } from '../core/json.js';
import type { StateDocument } from '../core/state-document.js';
import type { SchemaKind, Store, StoredSchema } from '../store/store.js';
import type { SchemaView, WorkerRegistration, WorkflowDefinition } from './api.js';
import type { Clock } from './clock.js';
import { EngineError, type SchemaIssue } from './errors.js';
import type { SchemaChecker, Usable } from './schema-checker.js';

/** A version of a schema, and what it means. */
export interface SchemaVersion {
  readonly digest: string;
  readonly text: string;
}

/** A schema of a registration: the version before is the same one if nothing changed, and missing for the first. */
export interface RegisteredSchema {
  readonly workflowId: string;
  readonly kind: SchemaKind;
  readonly version: SchemaVersion;
  readonly previous?: SchemaVersion;
  /** The version of the state's form that the worker wants; missing for 1. */
  readonly stateVersion?: number | undefined;
}

/** Where a value does not fit the registered schema. */
export interface Violation {
  readonly digest: string;
  readonly issues: readonly SchemaIssue[];
}

/** The current schemas of a project, by workflow and kind, and when they were read from the store. */
interface ProjectSchemas {
  readonly current: Map<string, SchemaVersion>;
  readAt: number;
}

/** What the registry works with. */
export interface SchemaRegistryPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly checker: SchemaChecker;
}

/** How long what was read of a project's schemas counts, if other servers register some, too. */
const RECALL_MS = 1_000;

/** By how much the clocks of two servers may differ. */
const CLOCKS_APART_MS_MAX = 60_000;

/** Versions of schemas that are kept in memory beside the current ones. */
const VERSIONS_MAX = 100;

const KINDS: readonly SchemaKind[] = ['payload', 'state', 'result'];

/** The schemas of all workflows: kept in the store by digest, and the current ones in memory. */
export class SchemaRegistry {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly checker: SchemaChecker;
  /** A project's schemas are read when it is first asked about. */
  private readonly projects = new Map<string, Promise<ProjectSchemas>>();
  /** By digest, texts of states' schemas that are not current, and that workers still commit by. */
  private readonly versions = new Map<string, string>();

  constructor({ store, clock, checker }: SchemaRegistryPort) {
    this.store = store;
    this.clock = clock;
    this.checker = checker;
  }

  /**
   * Keeps the schemas of a worker's workflows and makes them current. Answers them with those that were current before, and
   * the workflows with the digests of their state's schemas.
   */
  async register({ projectId, workflows }: WorkerRegistration): Promise<{
    readonly registered: readonly RegisteredSchema[];
    readonly workflows: readonly WorkflowDefinition[];
  }> {
    const current = await this.current(projectId);
    const registered: RegisteredSchema[] = [];
    const withDigests: WorkflowDefinition[] = [];
    for (const workflow of workflows) {
      let stateSchemaDigest: string | undefined;
      for (const kind of KINDS) {
        const text = workflow.schemas[kind];
        if (text === undefined) continue;
        const version = { digest: digestOf(text), text };
        const place = { projectId, workflowId: workflow.id, kind };
        const { stateVersion } = workflow;
        registered.push({ ...(await this.registerOne(current, place, version)), stateVersion });
        if (kind === 'state') stateSchemaDigest = version.digest;
      }
      withDigests.push({ ...workflow, ...(stateSchemaDigest !== undefined && { stateSchemaDigest }) });
    }
    return { registered, workflows: withDigests };
  }

  /** Checks a value against the current schema; undefined if it fits, or if nobody can tell here. */
  async check(
    projectId: string,
    workflowId: string,
    kind: SchemaKind,
    value: () => JsonValue,
  ): Promise<Violation | undefined> {
    const version = await this.currentVersion(projectId, workflowId, kind);
    return version && violation(version.digest, await this.checker.use(version.digest, version.text), value);
  }

  /**
   * Checks a state against one version of its schema: that of the worker which commits it, whatever newer ones there are.
   * Undefined if it fits, or if nobody can tell here.
   */
  async checkState(
    { projectId, workflowId, digest }: { projectId: string; workflowId: string; digest: string },
    { value, bytes }: StateDocument,
  ): Promise<Violation | undefined> {
    const text = await this.textOf(projectId, workflowId, digest);
    return text === undefined
      ? undefined
      : violation(digest, await this.checker.use(digest, text), () => value, bytes);
  }

  /** The version that values are checked against; undefined if none was registered. */
  async currentVersion(
    projectId: string,
    workflowId: string,
    kind: SchemaKind,
  ): Promise<SchemaVersion | undefined> {
    return (await this.current(projectId)).get(keyOf(workflowId, kind));
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

  private async textOf(projectId: string, workflowId: string, digest: string): Promise<string | undefined> {
    const current = await this.currentVersion(projectId, workflowId, 'state');
    if (current?.digest === digest) return current.text;
    const known = this.versions.get(digest);
    if (known !== undefined) return known;
    const stored = (await this.store.listSchemas({ projectId, workflowId })).find(
      (schema) => schema.kind === 'state' && schema.digest === digest,
    );
    if (!stored) return undefined;
    if (this.versions.size >= VERSIONS_MAX) this.versions.clear();
    this.versions.set(digest, stored.jsonSchema);
    return stored.jsonSchema;
  }

  private async current(projectId: string): Promise<Map<string, SchemaVersion>> {
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
    const current = new Map<string, SchemaVersion>();
    takeOver(current, await this.store.listSchemas({ projectId }));
    return { current, readAt };
  }

  /** Takes over what other servers registered. Whoever asks meanwhile gets what was known before. */
  private async refresh(projectId: string, schemas: ProjectSchemas): Promise<void> {
    const { readAt } = schemas;
    schemas.readAt = this.clock.now();
    try {
      const registeredSince = readAt - CLOCKS_APART_MS_MAX;
      takeOver(schemas.current, await this.store.listSchemas({ projectId, registeredSince }));
    } catch (error) {
      schemas.readAt = readAt;
      throw error;
    }
  }

  private async registerOne(
    current: Map<string, SchemaVersion>,
    place: { readonly projectId: string; readonly workflowId: string; readonly kind: SchemaKind },
    version: SchemaVersion,
  ): Promise<RegisteredSchema> {
    const { workflowId, kind } = place;
    const key = keyOf(workflowId, kind);
    const previous = current.get(key);
    if (previous?.digest !== version.digest) {
      const { digest, text } = version;
      await this.store.putSchema({ ...place, digest, jsonSchema: text, registeredAt: this.clock.now() });
      current.set(key, version);
    }
    return { workflowId, kind, version, ...(previous && { previous }) };
  }
}

/** What a schema is known by: its meaning, however it is written. */
export function digestOf(text: string): string {
  const parsed = parseJson(text);
  const canonical = 'value' in parsed ? canonicalize(parsed.value) : text;
  return createHash('sha256')
    .update(canonical ?? text)
    .digest('hex');
}

async function violation(
  digest: string,
  usable: Usable,
  value: () => JsonValue,
  bytes?: number,
): Promise<Violation | undefined> {
  if ('problem' in usable) return undefined;
  const checked = await usable.check(value(), bytes);
  return 'issues' in checked && checked.issues.length > 0 ? { digest, issues: checked.issues } : undefined;
}

/** Makes the newest of the listed schemas the current ones. */
function takeOver(current: Map<string, SchemaVersion>, listed: readonly StoredSchema[]): void {
  for (const { workflowId, kind, digest, jsonSchema, current: isCurrent } of withCurrent(listed)) {
    if (isCurrent) current.set(keyOf(workflowId, kind), { digest, text: jsonSchema });
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

function keyOf(workflowId: string, kind: SchemaKind): string {
  return `${kind}\0${workflowId}`;
}
