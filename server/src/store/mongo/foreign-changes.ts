import type { Document } from 'mongodb';
import type { ForeignChange } from '../store.js';
import { EXECUTIONS, RECORDS } from './collections.js';
import type { RecordKey } from './record-document.js';

/** What a worker has to be of to take an execution. */
export type Workflow = NonNullable<ForeignChange['ready']>;

/** A change as the pipeline leaves it. */
export type Change = ExecutionChange | RecordChange;

/** To an execution: with the document if it was made, with the changed fields if it was there. */
interface ExecutionChange {
  readonly ns: { readonly coll: typeof EXECUTIONS };
  readonly documentKey: { readonly _id: string };
  readonly fullDocument?: Workflow & { readonly index: { readonly ready: boolean } };
  readonly updateDescription?: { readonly updatedFields?: { readonly index?: { readonly ready: boolean } } };
}

/** To a record. */
export interface RecordChange {
  readonly ns: { readonly coll: typeof RECORDS };
  readonly operationType: 'insert' | 'replace' | 'delete';
  readonly documentKey: { readonly _id: RecordKey };
}

/** The changes to one execution that came together. */
export interface Summary {
  readonly ready: boolean;
  /** Missing if the changes did not say. */
  readonly workflow: Workflow | undefined;
}

/** A pipeline of the changes by other stores, and of each only what has to be known. Who removed a record is not known. */
export function changesOfOthers(by: string): Document[] {
  return [
    {
      $match: {
        $or: [
          {
            'ns.coll': EXECUTIONS,
            operationType: { $in: ['insert', 'update', 'replace'] },
            'fullDocument.commit.by': { $ne: by },
            'updateDescription.updatedFields.commit.by': { $ne: by },
          },
          {
            'ns.coll': RECORDS,
            operationType: { $in: ['insert', 'replace', 'delete'] },
            'fullDocument.by': { $ne: by },
          },
        ],
      },
    },
    {
      $project: {
        operationType: 1,
        'ns.coll': 1,
        'documentKey._id': 1,
        'fullDocument.index.ready': 1,
        'fullDocument.projectId': 1,
        'fullDocument.workflowId': 1,
        'updateDescription.updatedFields.index.ready': 1,
      },
    },
  ];
}

/** Whether a record was changed. */
export function isOfRecord(change: Change): change is RecordChange {
  return change.ns.coll === RECORDS;
}

/** The changes to each execution as one. A commit that does not say whether it is ready leaves that as it was. */
export function summarize(changes: readonly Change[]): ReadonlyMap<string, Summary> {
  const summaries = new Map<string, Summary>();
  for (const change of changes) {
    if (isOfRecord(change)) continue;
    const { documentKey, fullDocument, updateDescription } = change;
    const before = summaries.get(documentKey._id);
    const index = fullDocument?.index ?? updateDescription?.updatedFields?.index;
    const workflow = fullDocument
      ? { projectId: fullDocument.projectId, workflowId: fullDocument.workflowId }
      : before?.workflow;
    summaries.set(documentKey._id, { ready: index?.ready ?? before?.ready ?? false, workflow });
  }
  return summaries;
}
