import fc from 'fast-check';
import { EXECUTION_STATUSES, type Execution } from '../../server/src/core/execution.js';
import type { JsonObject } from '../../server/src/core/json.js';
import type { SearchTerm, TermCondition } from '../../server/src/core/search-term.js';
import type {
  ExecutionIndex,
  ExecutionQuery,
  ExecutionSearch,
  ExecutionWrite,
  RecordName,
  RecordQuery,
  Store,
  StoredRecord,
  StoredSchema,
} from '../../server/src/store/store.js';
import { AWKWARD_TEXTS, awkwardRecord, schema } from './samples.js';

/**
 * A call of the port in terms that any store can be asked in. What a write replaces is only known when it is asked for:
 * `against` is how far its version is from the current one.
 */
export type StoreCommand =
  | { readonly type: 'commit'; readonly id: string; readonly against: number; readonly given: GivenWrite }
  | { readonly type: 'load'; readonly id: string }
  | { readonly type: 'journal'; readonly id: string; readonly page: Parameters<Store['journal']>[1] }
  | { readonly type: 'list_ready'; readonly query: Parameters<Store['listReady']>[0] }
  | { readonly type: 'list_due'; readonly query: Parameters<Store['listDue']>[0] }
  | { readonly type: 'list_outboxes'; readonly until: number }
  | { readonly type: 'list'; readonly query: ExecutionQuery }
  | { readonly type: 'search'; readonly search: ExecutionSearch }
  | { readonly type: 'list_waiting'; readonly query: Parameters<Store['listWaiting']>[0] }
  | GivenRecordWrite
  | { readonly type: 'remove_closed'; readonly removals: Parameters<Store['removeClosed']>[0] }
  | { readonly type: 'list_closed'; readonly query: Parameters<Store['listClosed']>[0] }
  | { readonly type: 'list_projects'; readonly page: Parameters<Store['listProjects']>[0] }
  | { readonly type: 'list_groups'; readonly query: Parameters<Store['listGroups']>[0] }
  | { readonly type: 'load_record'; readonly name: RecordName }
  | { readonly type: 'list_records'; readonly query: RecordQuery }
  | { readonly type: 'list_due_records'; readonly query: Parameters<Store['listDueRecords']>[0] }
  | { readonly type: 'put_schema'; readonly schema: StoredSchema }
  | { readonly type: 'list_schemas'; readonly query: Parameters<Store['listSchemas']>[0] };

/** What a write says, apart from the version. The origin counts only if it creates the execution. */
export interface GivenWrite {
  readonly origin: Partial<Execution>;
  readonly changes: Partial<Execution>;
  readonly events: number;
  readonly state: JsonObject | undefined;
  readonly terms: readonly SearchTerm[] | undefined;
  readonly index: ExecutionWrite['index'];
}

/** What a write of a record says, apart from the version. */
export interface GivenRecordWrite {
  readonly type: 'commit_record';
  readonly group: string;
  readonly id: string;
  readonly against: number;
  readonly given: Pick<StoredRecord, 'alias' | 'dueAt' | 'body'> | 'remove';
}

const IDS = ['a', 'b', 'c', 'd', 'e', '\u{1F600}', '\uFF5E', 'a\0b'];
const PROJECTS = ['p', 'q'];
const WORKFLOWS = ['w', '__proto__'];
const PEOPLE = ['ann', "o'clock", '\0'];

const time = fc.nat({ max: 5 });
const limit = fc.integer({ min: 1, max: 6 });
const id = fc.constantFrom(...IDS);
const projectId = fc.constantFrom(...PROJECTS);
const workflowId = fc.constantFrom(...WORKFLOWS);
const person = fc.constantFrom(...PEOPLE);
const status = fc.constantFrom(...EXECUTION_STATUSES);
const priority = fc.integer({ min: -1, max: 1 });
const group = fc.constantFrom('g', 'g\0', 'h/i');
const alias = fc.constantFrom('x', '$y', '');
const key = fc.constantFrom('g', 'g/h', '\0', '$in');
const term = fc.constantFrom('a', 'b', 'b\0', '$c', '\u{1F600}', '\uFF5E');

/** Some of the members; a member that is not chosen is not there. */
function some<T extends object>(
  members: { readonly [Key in keyof T]: fc.Arbitrary<T[Key]> },
): fc.Arbitrary<Partial<T>> {
  return fc.record(members, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const given: fc.Arbitrary<GivenWrite> = fc.record({
  origin: fc
    .record({
      fixed: fc.record({ projectId, workflowId, createdAt: time, sessionId: person }),
      optional: some<Pick<Execution, 'userId' | 'rootExecutionId' | 'idempotencyKey' | 'parent'>>({
        userId: person,
        rootExecutionId: id,
        idempotencyKey: person,
        parent: id.map((executionId) => ({ executionId, stepKey: 's', waits: true })),
      }),
    })
    .map(({ fixed, optional }) => ({ ...fixed, ...optional })),
  changes: fc
    .record({
      always: fc.record({
        status,
        queue: fc.constantFrom(...AWKWARD_TEXTS),
        priority,
        readyAt: time,
        searchAttributes: fc.constantFrom({}, awkwardRecord()),
      }),
      closing: some<Pick<Execution, 'closedAt'>>({ closedAt: time }),
    })
    .map(({ always, closing }) => ({ ...always, ...closing })),
  events: fc.nat({ max: 3 }),
  state: fc.option(
    fc.json().map((text) => ({ value: JSON.parse(text) })),
    { nil: undefined },
  ),
  terms: fc.option(fc.uniqueArray(term), { nil: undefined }),
  index: fc
    .record({
      ready: fc.boolean(),
      rest: some<Pick<ExecutionIndex, 'outboxSince' | 'wakeAt' | 'waitsFor'>>({
        outboxSince: time,
        wakeAt: time,
        waitsFor: fc.uniqueArray(key),
      }),
    })
    .map(({ ready, rest }) => ({ ...rest, ready })),
});

const listFilter: fc.Arbitrary<Partial<ExecutionQuery>> = fc.oneof(
  fc.record({ workflowId }),
  fc.record({ status }),
  fc.record({ parentExecutionId: id }),
  fc.record({ rootExecutionId: id }),
  fc.record({ sessionId: person }),
  fc.record({ userId: person }),
  fc.record({ createdFrom: time }),
  fc.record({ createdBefore: time }),
  fc.record({ after: fc.record({ createdAt: time, id }) }),
);

/** Few filters at once: many leave nothing. */
const listQuery: fc.Arbitrary<ExecutionQuery> = fc
  .record({ required: fc.record({ projectId, limit }), filters: fc.array(listFilter, { maxLength: 3 }) })
  .map(({ required, filters }) => Object.assign({}, required, ...filters));

const termCondition: fc.Arbitrary<TermCondition> = fc.oneof(
  fc.record({ is: term }),
  fc.record({ from: term, before: term }),
);

/** As many may be looked at as there are, or sorted as one range may hold: stores need not stop at the same place. */
const search: fc.Arbitrary<ExecutionSearch> = fc
  .record({
    query: listQuery,
    given: fc.record({
      terms: fc.array(termCondition, { maxLength: 2 }),
      lookedAt: fc.constantFrom(IDS.length, 1_000),
    }),
    times: some<Pick<ExecutionSearch, 'updatedFrom' | 'closedBefore'>>({
      updatedFrom: fc.constantFrom(0, 9_999),
      closedBefore: fc.constantFrom(0, 9_999),
    }),
  })
  .map(({ query, given, times }) => ({ ...query, ...given, ...times }));

const storedSchema = fc
  .record({
    projectId,
    workflowId,
    kind: fc.constantFrom('payload' as const, 'state' as const, 'result' as const),
    digest: fc.constantFrom('1', '2', '3'),
    registeredAt: time,
  })
  .map(schema);

const recordWrite: fc.Arbitrary<StoreCommand> = fc.record({
  type: fc.constant('commit_record' as const),
  group,
  id,
  against: fc.constantFrom(0, 0, 0, 0, 0, -1, 1),
  given: fc.oneof(
    { weight: 1, arbitrary: fc.constant('remove' as const) },
    {
      weight: 4,
      arbitrary: fc
        .record({
          body: fc.json(),
          rest: some<Pick<StoredRecord, 'alias' | 'dueAt'>>({ alias, dueAt: time }),
        })
        .map(({ body, rest }) => ({ ...rest, body })),
    },
  ),
});

/** Calls that write, commits most often. */
export const writeCommand: fc.Arbitrary<StoreCommand> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      id,
      // A version that nobody reaches: what a write replaces is as it was stored.
      against: fc.constantFrom(0, 0, 0, 0, -1, 1_000),
      given,
    }),
  },
  { weight: 3, arbitrary: recordWrite },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('put_schema' as const), schema: storedSchema }) },
);

/** Removals: of whatever is removable by then. What is asked for beside one of the same execution may find it or not. */
export const removalCommand: fc.Arbitrary<StoreCommand> = fc.record({
  type: fc.constant('remove_closed' as const),
  removals: fc.array(fc.record({ executionId: id, groups: fc.uniqueArray(group, { maxLength: 1 }) }), {
    maxLength: 3,
  }),
});

/** Calls that read, lists most often. */
export const readCommand: fc.Arbitrary<StoreCommand> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('load' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('journal' as const),
      id,
      page: fc.record({
        afterEvent: fc.nat({ max: 12 }),
        entries: limit,
        // How many bytes an entry has is the store's own affair: none fit, or all.
        bytes: fc.constantFrom(1, 10_000_000),
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('list_ready' as const),
      query: fc.record({ projectId, workflowId, limit }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('list_due' as const),
      query: fc.record({ until: time, limit }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('list_closed' as const),
      query: fc.record({ projectId, until: time, limit }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('list_projects' as const),
      page: fc
        .record({ limit, rest: some<{ readonly after: string }>({ after: projectId }) })
        .map(({ limit, rest }) => ({ ...rest, limit })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('list_groups' as const),
      query: fc
        .record({
          prefix: fc.constantFrom('g', 'h', 'h/i'),
          limit,
          rest: some<{ readonly after: string }>({ after: group }),
        })
        .map(({ prefix, limit, rest }) => ({ ...rest, prefix, limit })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('list_outboxes' as const), until: time }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('list' as const), query: listQuery }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('search' as const), search }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('list_waiting' as const),
      query: fc
        .record({
          fixed: fc.record({ key, limit }),
          optional: some<Pick<Parameters<Store['listWaiting']>[0], 'after'>>({
            after: fc.record({ id, priority, readyAt: time }),
          }),
        })
        .map(({ fixed, optional }) => ({ ...fixed, ...optional })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('load_record' as const),
      name: fc.oneof(fc.record({ group, id }), fc.record({ group, alias })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('list_records' as const),
      query: fc
        .record({
          fixed: fc.record({ group, limit }),
          optional: some<Pick<RecordQuery, 'from' | 'descending'>>({ from: id, descending: fc.boolean() }),
        })
        .map(({ fixed, optional }) => ({ ...fixed, ...optional })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('list_due_records' as const),
      query: fc.record({ until: time, limit }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('list_schemas' as const),
      query: fc.oneof(
        fc.record({ projectId }),
        fc.record({ projectId, workflowId }),
        fc.record({ projectId, registeredSince: time }),
      ),
    }),
  },
);
