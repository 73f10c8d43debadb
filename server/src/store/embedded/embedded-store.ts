import type { Execution } from '../../core/execution.js';
import type { JournalEntry } from '../../core/journal.js';
import { entryText, executionText } from '../record-codec.js';
import type {
  ClosedExecution,
  ClosedQuery,
  CommitResult,
  DueExecutions,
  DueRecords,
  ExecutionPage,
  ExecutionQuery,
  ExecutionSearch,
  ExecutionWrite,
  ReadyExecution,
  ReadyQuery,
  RecordName,
  RecordQuery,
  RecordWrite,
  Removal,
  SchemaQuery,
  Store,
  StoredExecution,
  StoredRecord,
  StoredSchema,
  StoredWorker,
  WaitingExecution,
} from '../store.js';
import { WorkerMap } from '../worker-map.js';
import { assertWellFormed, assertWellFormedRecord } from '../write-rules.js';
import { ExecutionList } from './execution-list.js';
import { ExecutionRemoval } from './execution-removal.js';
import { ExecutionTable } from './execution-table.js';
import { damage, toFault } from './faults.js';
import { GroupCommit } from './group-commit.js';
import { type JournalPage, JournalTable } from './journal-table.js';
import { type OpenDatabase, openDatabase } from './open-database.js';
import { RecordTable } from './record-table.js';
import { SchemaTable } from './schema-table.js';
import { TermTable } from './term-table.js';
import { StoreTransaction } from './transaction.js';
import { type WaitingQuery, WaitingTable } from './waiting-table.js';

/**
 * Opens the store that keeps everything in one directory of this machine.
 *
 * Either all that was ever acknowledged is there, or opening is refused: a StoreFault names the file and what is wrong
 * with it. Every row is read once for that (docs/decisions/0001-embedded-store-layout.md says how fast). A directory that
 * another process has open is refused, too; the hold ends with that process, however it ends.
 *
 * @param options.dataDir  made (mode 0700) if it is not there. Nothing else may write to its files.
 */
export async function openEmbeddedStore(options: { readonly dataDir: string }): Promise<Store> {
  return new EmbeddedStore(openDatabase(options.dataDir));
}

class EmbeddedStore implements Store {
  readonly isShared = false;
  private readonly opened: OpenDatabase;
  private readonly executions: ExecutionTable;
  private readonly journals: JournalTable;
  private readonly lists: ExecutionList;
  private readonly waiting: WaitingTable;
  private readonly schemas: SchemaTable;
  private readonly records: RecordTable;
  private readonly removal: ExecutionRemoval;
  private readonly transaction: StoreTransaction;
  private readonly groups: GroupCommit;
  private readonly workers = new WorkerMap();
  private isClosed = false;

  constructor(opened: OpenDatabase) {
    const { database, file, watermark, log } = opened;
    this.opened = opened;
    this.waiting = new WaitingTable(database);
    const terms = new TermTable(database, file);
    this.executions = new ExecutionTable(opened, { waiting: this.waiting, terms });
    this.journals = new JournalTable(database, file);
    this.lists = new ExecutionList(database, file);
    this.schemas = new SchemaTable(database, file);
    this.records = new RecordTable(database, file);
    const { executions, waiting, records } = this;
    this.removal = new ExecutionRemoval(database, { executions, waiting, terms, records });
    const onRollback = () => this.executions.forget();
    const syncLog = () => log.sync();
    this.transaction = new StoreTransaction({ database, file, watermark, syncLog, onRollback });
    this.groups = new GroupCommit(this.transaction);
  }

  async commit(write: ExecutionWrite): Promise<CommitResult> {
    this.assertOpen();
    const lastEvent = assertWellFormed(write);
    const { execution, state, entry } = write;
    const body = executionText(execution);
    const stateBody = state && JSON.stringify(state);
    const entryBody = entry && entryText(entry);
    const encoded = { write, body, stateBody, entryBody, lastEvent };
    return this.groups.submit({
      bytes: body.length + (entryBody?.length ?? 0) + (stateBody?.length ?? 0),
      write: () => this.executions.write(encoded, this.transaction.tally),
      toFault: (error) => this.toFault(`commit ${execution.id}`, error),
    });
  }

  async load(executionId: string): Promise<StoredExecution | undefined> {
    return this.read(`load ${executionId}`, () => this.executions.load(executionId));
  }

  async journal(executionId: string, page: JournalPage): Promise<readonly JournalEntry[]> {
    return this.read(`read the journal of ${executionId}`, () => this.journals.read(executionId, page));
  }

  async listReady(query: ReadyQuery): Promise<readonly ReadyExecution[]> {
    return this.read(`list what is ready of "${query.workflowId}"`, () => this.lists.listReady(query));
  }

  async listDue({
    until,
    limit,
  }: {
    readonly until: number;
    readonly limit: number;
  }): Promise<DueExecutions> {
    return this.read('list what is due', () => this.lists.listDue(until, limit));
  }

  async listOutboxes(query: { readonly until: number; readonly limit: number }): Promise<readonly string[]> {
    return this.read('list outboxes', () => this.lists.listOutboxes(query.until, query.limit));
  }

  async listWaiting(query: WaitingQuery): Promise<readonly WaitingExecution[]> {
    return this.read(`list what waits for "${query.key}"`, () => this.waiting.list(query));
  }

  async list(query: ExecutionQuery): Promise<readonly Execution[]> {
    return this.read(`list executions of "${query.projectId}"`, () => this.lists.list(query));
  }

  async search(search: ExecutionSearch): Promise<ExecutionPage> {
    return this.read(`search executions of "${search.projectId}"`, () => this.lists.search(search));
  }

  async listProjects(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]> {
    return this.read('list projects', () => this.lists.listProjects(page));
  }

  async listClosed(query: ClosedQuery): Promise<readonly ClosedExecution[]> {
    const doing = `list closed executions of "${query.projectId}"`;
    return this.read(doing, () => this.lists.listClosed(query));
  }

  /** In several transactions, so that none holds up the others for long. */
  async removeClosed(removals: readonly Removal[]): Promise<void> {
    for (let left = removals; left.length > 0; ) {
      this.assertOpen();
      const some = left;
      const gone = await this.groups.submit({
        bytes: 0,
        write: () => this.removal.removeSome(some, this.transaction.tally),
        toFault: (error) => this.toFault('remove closed executions', error),
      });
      left = left.slice(gone);
    }
  }

  async putSchema(schema: StoredSchema): Promise<void> {
    this.assertOpen();
    await this.groups.submit({
      bytes: schema.jsonSchema.length,
      write: () => this.schemas.put(schema, this.transaction.tally),
      toFault: (error) => this.toFault(`put a schema of "${schema.workflowId}"`, error),
    });
  }

  async listSchemas(query: SchemaQuery): Promise<readonly StoredSchema[]> {
    return this.read(`list schemas of "${query.projectId}"`, () => this.schemas.list(query));
  }

  async putWorker(worker: StoredWorker): Promise<void> {
    this.assertOpen();
    this.workers.put(worker);
  }

  async loadWorker(query: { readonly id: string; readonly now: number }): Promise<StoredWorker | undefined> {
    this.assertOpen();
    return this.workers.load(query);
  }

  async listWorkers(query: {
    readonly projectId: string;
    readonly now: number;
  }): Promise<readonly StoredWorker[]> {
    this.assertOpen();
    return this.workers.list(query);
  }

  async commitRecord(write: RecordWrite): Promise<CommitResult> {
    this.assertOpen();
    const replaced = assertWellFormedRecord(write);
    return this.groups.submit({
      bytes: 'record' in write ? write.record.body.length : 0,
      write: () => this.records.write(write, replaced, this.transaction.tally),
      toFault: (error) => this.toFault(`commit the record ${replaced.id} of "${replaced.group}"`, error),
    });
  }

  async loadRecord(name: RecordName): Promise<StoredRecord | undefined> {
    return this.read(`load a record of "${name.group}"`, () => this.records.load(name));
  }

  async listRecords(query: RecordQuery): Promise<readonly StoredRecord[]> {
    return this.read(`list records of "${query.group}"`, () => this.records.list(query));
  }

  async listGroups(query: {
    readonly prefix: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]> {
    return this.read(`list groups of records`, () => this.records.listGroups(query));
  }

  async listDueRecords(query: { readonly until: number; readonly limit: number }): Promise<DueRecords> {
    return this.read('list records that are due', () => this.records.listDue(query.until, query.limit));
  }

  /** No other process writes to the directory: there is nothing to tell. */
  follow(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.groups.drain();
    this.opened.close();
  }

  private async read<Result>(doing: string, select: () => Result): Promise<Result> {
    this.assertOpen();
    await this.groups.unsynced;
    this.assertOpen();
    try {
      this.groups.assertSound();
      return select();
    } catch (error) {
      throw this.toFault(doing, error);
    }
  }

  private toFault(doing: string, error: unknown): unknown {
    return toFault(`${this.opened.file}: ${doing}`, error);
  }

  private assertOpen(): void {
    if (this.isClosed) throw damage(`${this.opened.file}: the store is closed`);
  }
}
