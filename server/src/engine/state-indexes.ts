import { fieldName, parseFieldPath, pointerOf } from '../core/field-path.js';
import { INDEXED_FIELDS_MAX, type IndexedField, indexedField } from '../core/search-term.js';
import type { StoredRecord } from '../store/store.js';
import type { WorkerRegistration } from './api.js';
import { EngineError } from './errors.js';
import { groupKey, RecordGroup, type RecordGroupPort } from './record-group.js';

/** A workflow, among those of all projects. */
export interface WorkflowName {
  readonly projectId: string;
  readonly workflowId: string;
}

/** What the record of a workflow holds: its fields as JSON Pointers, the one that was declared last first. */
interface StateIndex extends WorkflowName {
  readonly pointers: readonly string[];
}

/** The group of the records, which is the name of nothing else. */
const GROUP = 'state_index[]';

const NONE: readonly IndexedField[] = [];

/**
 * The fields of states by which executions are found, as workers declare them: of each workflow those of the newest
 * registration, and as many of the earlier ones as there is room for, so that two versions of a workflow can run side by
 * side. All are in memory.
 */
export class StateIndexes {
  private readonly fields: RecordGroup<readonly IndexedField[]>;

  constructor(port: RecordGroupPort) {
    this.fields = new RecordGroup(port, GROUP, (record) => {
      const index = indexFrom(record);
      return { key: keyOf(index), value: indexedFields(index) };
    });
  }

  /** As far as this server has heard: it may be a second behind the others. The same array until the fields change. */
  fieldsOf(workflow: WorkflowName): readonly IndexedField[] {
    return this.fields.valueOf(keyOf(workflow)) ?? NONE;
  }

  /** As `fieldsOf`, but whatever others were told counts. */
  async currentFieldsOf(workflow: WorkflowName): Promise<readonly IndexedField[]> {
    return (await this.fields.currentValueOf(keyOf(workflow))) ?? NONE;
  }

  /** @throws EngineError for what no worker may declare. */
  check({ workflows }: WorkerRegistration): void {
    for (const [index, { stateIndex = [] }] of workflows.entries()) {
      const at = `workflows[${index}].state_index`;
      if (stateIndex.length > INDEXED_FIELDS_MAX) {
        throw invalid(at, `a workflow declares at most ${INDEXED_FIELDS_MAX} fields`);
      }
      const pointers = new Set<string>();
      for (const [place, text] of stateIndex.entries()) {
        const parsed = parseFieldPath(text);
        if ('problem' in parsed) throw invalid(`${at}[${place}]`, parsed.problem);
        const pointer = pointerOf(parsed.path);
        if (pointers.has(pointer))
          throw invalid(`${at}[${place}]`, `${fieldName(parsed.path)} is there twice`);
        pointers.add(pointer);
      }
    }
  }

  /** Keeps the fields that a worker declares, which `check` has passed. */
  async register({ projectId, workflows }: WorkerRegistration): Promise<void> {
    const declared = workflows.filter(({ stateIndex }) => stateIndex && stateIndex.length > 0);
    await Promise.all(
      declared.map(({ id, stateIndex = [] }) =>
        this.declare({ projectId, workflowId: id, pointers: stateIndex.flatMap(toPointer) }),
      ),
    );
  }

  start(): Promise<void> {
    return this.fields.start();
  }

  stop(): Promise<void> {
    return this.fields.stop();
  }

  /** Others wrote records of these groups. */
  changedElsewhere(groups: readonly string[]): void {
    this.fields.changedElsewhere(groups);
  }

  private async declare({ pointers: declared, ...workflow }: StateIndex): Promise<void> {
    await this.fields.change(keyOf(workflow), (stored) => {
      const before = stored ? indexFrom(stored).pointers : [];
      const earlier = before.filter((pointer) => !declared.includes(pointer));
      const pointers = [...declared, ...earlier].slice(0, INDEXED_FIELDS_MAX);
      if (pointers.join() === before.join()) return undefined;
      return { body: JSON.stringify({ ...workflow, pointers } satisfies StateIndex) };
    });
  }
}

/** In the order of their pointers. */
function indexedFields({ projectId, workflowId, pointers }: StateIndex): readonly IndexedField[] {
  return pointers.toSorted().flatMap((pointer) => {
    const parsed = parseFieldPath(pointer);
    return 'path' in parsed ? [indexedField(projectId, workflowId, parsed.path)] : [];
  });
}

function toPointer(text: string): string[] {
  const parsed = parseFieldPath(text);
  return 'path' in parsed ? [pointerOf(parsed.path)] : [];
}

function keyOf({ projectId, workflowId }: WorkflowName): string {
  return groupKey(projectId, workflowId);
}

function indexFrom({ body }: StoredRecord): StateIndex {
  return JSON.parse(body) as StateIndex;
}

function invalid(field: string, message: string): EngineError {
  return new EngineError({ type: 'invalid', field, message });
}
