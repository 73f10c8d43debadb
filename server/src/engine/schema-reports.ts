import { isJsonObject, parseJson } from '../core/json.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import { openSchema, type SchemaDocument } from '../core/schema/schema-document.js';
import type { Store } from '../store/store.js';
import type { Clock } from './clock.js';
import { EngineError } from './errors.js';
import { type LiveBounds, type LiveFound, LiveStateScan } from './live-states.js';
import type { SchemaChecker, Usable } from './schema-checker.js';
import {
  digestOf,
  type RegisteredSchema,
  type SchemaRegistry,
  type SchemaVersion,
} from './schema-registry.js';
import type {
  LiveStates,
  SchemaCheck,
  SchemaCheckRequest,
  SchemaReference,
  SchemaReport,
} from './schema-view.js';

/** What reports are made from. */
export interface SchemaReportsPort {
  readonly store: Store;
  readonly clock: Clock;
  readonly checker: SchemaChecker;
  readonly schemas: SchemaRegistry;
}

/** How long a registration may be held up by looking at executions, over all of its schemas, and one page of a check. */
const LOOK_MS_MAX = 1_000;

/** Executions that one schema of a registration looks at. */
const EXECUTIONS_MAX = 5_000;

/** Executions that a registration's report names. */
const NAMED_MAX = 20;

/** Says what a new version of a schema means for the values that there are. */
export class SchemaReports {
  private readonly port: SchemaReportsPort;

  constructor(port: SchemaReportsPort) {
    this.port = port;
  }

  /** What a registration is told of its schemas: of those that are new, and of those that the server cannot use. */
  async ofRegistration(
    projectId: string,
    registered: readonly RegisteredSchema[],
  ): Promise<readonly SchemaReport[]> {
    const until = this.port.clock.now() + LOOK_MS_MAX;
    const reports: SchemaReport[] = [];
    for (const schema of registered) {
      const usable = await this.use(schema.version);
      const isNew = schema.previous?.digest !== schema.version.digest;
      if (!isNew) {
        const { previous: _, ...unchanged } = schema;
        if ('problem' in usable) reports.push(basicReport(unchanged, usable));
        continue;
      }
      const report = await this.compared(schema, usable);
      const liveStates = await this.liveStates(projectId, schema, report, usable, until);
      reports.push({ ...report, ...(liveStates && { liveStates }) });
    }
    return reports;
  }

  /** See EngineApi. */
  async compare(
    projectId: string,
    before: SchemaReference,
    after: SchemaReference,
  ): Promise<SchemaComparison> {
    const [older, newer] = [await this.find(projectId, before), await this.find(projectId, after)];
    for (const [field, version] of [['before', older] as const, ['after', newer] as const]) {
      const usable = await this.use(version);
      if ('problem' in usable) {
        const message = `the server cannot use this schema: ${usable.problem}`;
        throw new EngineError({ type: 'invalid', field, message });
      }
    }
    return this.port.checker.compare(older.text, newer.text);
  }

  /** See EngineApi. */
  async check(projectId: string, request: SchemaCheckRequest): Promise<SchemaCheck> {
    const { workflowId, kind, after, limit } = request;
    const version = await this.find(projectId, request.schema);
    const previous = await this.port.schemas.currentVersion(projectId, workflowId, kind);
    const usable = await this.use(version);
    const schema = { workflowId, kind, version, ...(previous && { previous }) };
    const report = after ? basicReport(schema, usable) : await this.compared(schema, usable);
    if (kind !== 'state' || 'problem' in usable) return { report };
    const until = this.port.clock.now() + LOOK_MS_MAX;
    const bounds = { limit, until, named: limit, ...(after && { after }) };
    const { next, ...liveStates } = await this.look(projectId, schema, usable, bounds);
    return { report: { ...report, liveStates }, ...(next && { next }) };
  }

  private async compared(schema: RegisteredSchema, usable: Usable): Promise<SchemaReport> {
    const report = basicReport(schema, usable);
    const { previous, version } = schema;
    if (!previous || 'problem' in usable || 'problem' in (await this.use(previous))) return report;
    return { ...report, comparison: await this.port.checker.compare(previous.text, version.text) };
  }

  private async liveStates(
    projectId: string,
    schema: RegisteredSchema,
    { comparison }: SchemaReport,
    usable: Usable,
    until: number,
  ): Promise<LiveStates | undefined> {
    if (schema.kind !== 'state' || 'problem' in usable || comparison?.compatibility === 'compatible')
      return undefined;
    const bounds = { limit: EXECUTIONS_MAX, until, named: NAMED_MAX };
    const { next: _, ...found } = await this.look(projectId, schema, usable, bounds);
    return found;
  }

  private look(
    projectId: string,
    { workflowId, version, stateVersion }: RegisteredSchema,
    usable: Extract<Usable, { check: unknown }>,
    bounds: LiveBounds,
  ): Promise<LiveFound> {
    const question = { projectId, workflowId, document: documentOf(version), usable, stateVersion };
    return LiveStateScan.run(this.port, question, bounds);
  }

  private use({ digest, text }: SchemaVersion): Promise<Usable> {
    return this.port.checker.use(digest, text);
  }

  private async find(projectId: string, reference: SchemaReference): Promise<SchemaVersion> {
    if ('text' in reference) return { digest: digestOf(reference.text), text: reference.text };
    const { digest, jsonSchema } = await this.port.schemas.get(projectId, reference.digest);
    return { digest, text: jsonSchema };
  }
}

function basicReport(
  { workflowId, kind, version, previous }: RegisteredSchema,
  usable: Usable,
): SchemaReport {
  return {
    workflowId,
    kind,
    digest: version.digest,
    ...(previous && { previousDigest: previous.digest }),
    ...('problem' in usable && { problem: usable.problem }),
  };
}

function documentOf({ text }: SchemaVersion): SchemaDocument {
  const parsed = parseJson(text);
  return openSchema('value' in parsed && isJsonObject(parsed.value) ? parsed.value : {});
}
