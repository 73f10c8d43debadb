/**
 * Texts are read as blobs: the driver ends the process when it meets text that is not UTF-8 (libsql 0.9.30, value.rs),
 * which is what one flipped bit makes of it.
 */
const BODY = 'CAST(e.body AS BLOB)';

/** What every read of an execution takes from its row, in the order of `ExecutionRow`, for `FROM execution e`. */
export const EXECUTION_ROW = `e.seq, ${BODY}, e.ready, e.wake_at, e.outbox_since, e.last_event, e.state_version,
  e.terms_version, CAST(e.waits_for AS BLOB), e.crc`;

/** What every read of a record takes from its row, in the order of `RecordRow`. */
const RECORD_ROW = `seq, CAST("group" AS BLOB), CAST(id AS BLOB), version, CAST(alias AS BLOB), due_at,
  CAST(body AS BLOB), crc`;

/** The columns that repeat a part of the body for the indexes, in the order of `indexedColumns`. */
const INDEXED = [
  'id',
  'project',
  'workflow',
  'status',
  'version',
  'queue',
  'priority',
  'ready_at',
  'created_at',
  'closed_at',
  'parent',
  'root',
  'session',
  'user',
];

const INSERTED = [
  'seq',
  ...INDEXED,
  'ready',
  'wake_at',
  'outbox_since',
  'last_event',
  'state_version',
  'terms_version',
  'waits_for',
  'body',
  'crc',
];

/** Ready executions of one workflow, in any queue or in one of so many. */
export function readySql(queues: number): string {
  const inQueues = queues === 0 ? '' : ` AND queue IN (${Array(queues).fill('?').join(', ')})`;
  return `SELECT CAST(id AS BLOB), CAST(queue AS BLOB) FROM execution WHERE project = ? AND workflow = ?
    AND ready = 1${inQueues} ORDER BY priority DESC, ready_at, id LIMIT ?`;
}

/** Every statement of the store at work. A test holds that none of them scans a table; `list-query.ts` has the others. */
export const SQL = {
  insertExecution: `INSERT INTO execution (${INSERTED.join(', ')}) VALUES (${INSERTED.map(() => '?').join(', ')})
    ON CONFLICT DO NOTHING`,
  /** A step: no index is touched. */
  updateExecution: `UPDATE execution SET version = ?, last_event = ?, state_version = ?, body = ?, crc = ?
    WHERE seq = ? AND version = ?`,
  /** A lease that was granted or extended: one index. */
  updateExecutionWake: `UPDATE execution SET version = ?, last_event = ?, state_version = ?, body = ?, crc = ?,
    wake_at = ? WHERE seq = ? AND version = ?`,
  updateExecutionAll: `UPDATE execution SET version = ?, last_event = ?, state_version = ?, body = ?, crc = ?,
    wake_at = ?, status = ?, queue = ?, priority = ?, ready = ?, ready_at = ?, outbox_since = ?, waits_for = ?,
    terms_version = ?, closed_at = ? WHERE seq = ? AND version = ?`,
  selectExecution: `SELECT ${EXECUTION_ROW} FROM execution e WHERE e.id = ?`,
  selectExecutionAndState: `SELECT ${EXECUTION_ROW}, s.version, CAST(s.body AS BLOB), s.crc
    FROM execution e LEFT JOIN state s ON s.seq = e.seq WHERE e.id = ?`,

  insertState: 'INSERT INTO state (seq, version, body, crc) VALUES (?, ?, ?, ?)',
  updateState: 'UPDATE state SET version = ?, body = ?, crc = ? WHERE seq = ?',

  insertTermList: 'INSERT INTO term_list (seq, version, body, crc) VALUES (?, ?, ?, ?)',
  updateTermList: 'UPDATE term_list SET version = ?, body = ?, crc = ? WHERE seq = ?',
  deleteTermList: 'DELETE FROM term_list WHERE seq = ?',
  selectTermList: 'SELECT version, CAST(body AS BLOB), crc FROM term_list WHERE seq = ?',
  insertTerm: 'INSERT INTO term (term, created_at, id) VALUES (?, ?, ?)',
  deleteTerm: 'DELETE FROM term WHERE term = ? AND created_at = ? AND id = ?',
  countTerms: 'SELECT count(*) FROM (SELECT 1 FROM term WHERE term >= ? AND term < ? LIMIT ?)',

  insertEntry: 'INSERT INTO journal (seq, last_event, body, crc) VALUES (?, ?, ?, ?)',
  selectSeq: 'SELECT seq FROM execution WHERE id = ?',
  selectEntrySizes: `SELECT last_event, octet_length(body) FROM journal WHERE seq = ? AND last_event > ?
    ORDER BY last_event LIMIT ?`,
  selectEntries: `SELECT number, last_event, CAST(body AS BLOB), crc FROM journal
    WHERE seq = ? AND last_event > ? AND last_event <= ? ORDER BY last_event`,

  selectNextProject: 'SELECT CAST(min(project) AS BLOB) FROM execution WHERE project > ?',
  selectClosed: `SELECT CAST(id AS BLOB), CAST(ifnull(root, id) AS BLOB) FROM execution WHERE project = ?
    AND closed_at IS NOT NULL AND outbox_since IS NULL AND closed_at <= ? ORDER BY closed_at, id LIMIT ?`,
  selectRemovable: `SELECT seq, crc, version, created_at, priority, ready_at, terms_version, CAST(waits_for AS BLOB)
    FROM execution
    WHERE id = ? AND closed_at IS NOT NULL AND outbox_since IS NULL`,
  selectOldestEntries: `SELECT last_event, octet_length(body), crc FROM journal WHERE seq = ?
    ORDER BY last_event LIMIT ?`,
  deleteEntries: 'DELETE FROM journal WHERE seq = ? AND last_event <= ?',
  deleteState: 'DELETE FROM state WHERE seq = ?',
  deleteExecution: 'DELETE FROM execution WHERE seq = ?',

  selectReady: readySql(0),
  selectDue: `SELECT CAST(id AS BLOB), wake_at FROM execution WHERE wake_at IS NOT NULL AND wake_at <= ?
    ORDER BY wake_at, id LIMIT ?`,
  selectDueAfter: `SELECT wake_at FROM execution WHERE wake_at IS NOT NULL AND (wake_at, id) > (?, ?)
    ORDER BY wake_at, id LIMIT 1`,
  selectOutboxes: `SELECT CAST(id AS BLOB) FROM execution WHERE outbox_since IS NOT NULL AND outbox_since <= ?
    LIMIT ?`,

  insertWaiting: 'INSERT INTO waiting (key, rank, ready_at, id) VALUES (?, -?, ?, ?)',
  deleteWaiting: 'DELETE FROM waiting WHERE key = ? AND rank = -? AND ready_at = ? AND id = ?',
  selectWaiting: `SELECT CAST(id AS BLOB), -rank, ready_at FROM waiting WHERE key = ?
    ORDER BY rank, ready_at, id LIMIT ?`,
  selectWaitingAfter: `SELECT CAST(id AS BLOB), -rank, ready_at FROM waiting WHERE key = ?
    AND (rank, ready_at, id) > (-?, ?, ?) ORDER BY rank, ready_at, id LIMIT ?`,

  selectRecordFacts: `SELECT seq, version, CAST(alias AS BLOB), due_at, crc FROM record
    WHERE "group" = ? AND id = ?`,
  insertRecord: `INSERT INTO record ("group", id, version, alias, due_at, body, crc) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  /** No index is touched. */
  updateRecord: 'UPDATE record SET version = ?, body = ?, crc = ? WHERE seq = ?',
  updateRecordAll:
    'UPDATE OR IGNORE record SET version = ?, body = ?, crc = ?, alias = ?, due_at = ? WHERE seq = ?',
  deleteRecord: 'DELETE FROM record WHERE seq = ?',
  selectRecord: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? AND id = ?`,
  selectRecordByAlias: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? AND alias = ?`,
  selectRecords: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? ORDER BY id LIMIT ?`,
  selectRecordsFrom: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? AND id >= ? ORDER BY id LIMIT ?`,
  selectRecordsBack: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? ORDER BY id DESC LIMIT ?`,
  selectRecordsBackFrom: `SELECT ${RECORD_ROW} FROM record WHERE "group" = ? AND id <= ? ORDER BY id DESC LIMIT ?`,
  selectNextGroup: 'SELECT CAST(min("group") AS BLOB) FROM record WHERE "group" > ?',
  selectGroupAt: 'SELECT 1 FROM record WHERE "group" = ? LIMIT 1',
  selectRecordSizes: 'SELECT seq, octet_length(body), crc FROM record WHERE "group" = ? ORDER BY id LIMIT ?',
  selectDueRecords: `SELECT CAST("group" AS BLOB), CAST(id AS BLOB), due_at FROM record
    WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, "group", id LIMIT ?`,
  selectDueRecordsAfter: `SELECT due_at FROM record WHERE due_at IS NOT NULL AND (due_at, "group", id) > (?, ?, ?)
    ORDER BY due_at, "group", id LIMIT 1`,

  putSchema: `INSERT INTO schema (project, workflow, kind, digest, registered_at, body, crc, writes)
    VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET registered_at = excluded.registered_at,
    writes = writes + 1, body = excluded.body, crc = excluded.crc`,
  selectSchemas: `SELECT CAST(body AS BLOB), crc FROM schema WHERE project = ?
    ORDER BY workflow, kind, registered_at DESC, digest`,
  selectWorkflowSchemas: `SELECT CAST(body AS BLOB), crc FROM schema WHERE project = ? AND workflow = ?
    ORDER BY kind, registered_at DESC, digest`,

  selectChanges: 'SELECT total_changes()',
  selectProgress: `SELECT CAST(store_id AS BLOB), number, chain, created, executions, execution_sum,
    entries, entry_sum, records, record_sum, schema_writes FROM progress WHERE one = 1`,
  updateProgress: `UPDATE progress SET number = ?, chain = ?, created = ?, executions = ?, execution_sum = ?,
    entries = ?, entry_sum = ?, records = ?, record_sum = ?, schema_writes = ? WHERE one = 1`,
} as const;

/** The columns of an execution that repeat a part of its body, as one text; see `quoted`. */
export const INDEXED_TEXT = quotedText(INDEXED);

/** The columns of a record beside its body, as one text, in the order of `recordColumns`. */
export const RECORD_TEXT = quotedText(['"group"', 'id', 'version', 'alias', 'due_at']);

function quotedText(columns: readonly string[]): string {
  return columns.map((column) => `quote(${column})`).join(" || ' ' || ");
}

/** Statements that look at the database as a whole, to verify it when the store is opened. */
export const VERIFY_SQL = {
  layout: `SELECT CAST(type || ' ' || name || ' ' || tbl_name || ' ' || ifnull(sql, '') AS BLOB)
    FROM sqlite_schema ORDER BY type, name`,
  pageCount: 'SELECT page_count FROM pragma_page_count',
  integrity: 'SELECT CAST(integrity_check AS BLOB) FROM pragma_integrity_check',
  /** Rows of `waiting`, keys in all `waits_for`, and keys whose row is there. */
  waiting: `SELECT (SELECT count(*) FROM waiting), count(*), count(w.id)
    FROM execution e CROSS JOIN json_each(e.waits_for) k LEFT JOIN waiting w
    ON w.key = k.value AND w.rank = -e.priority AND w.ready_at = e.ready_at AND w.id = e.id
    WHERE e.waits_for IS NOT NULL`,
  /** Rows of `term`, terms in all lists, and terms whose row is there. */
  terms: `SELECT (SELECT count(*) FROM term), count(*), count(t.id)
    FROM term_list l JOIN execution e ON e.seq = l.seq CROSS JOIN json_each(l.body) k LEFT JOIN term t
    ON t.term = k.value AND t.created_at = e.created_at AND t.id = e.id`,
  schemas: `SELECT CAST(body AS BLOB), crc, writes,
    CAST(quote(project) || ' ' || quote(workflow) || ' ' || quote(kind) || ' ' || quote(digest) || ' ' ||
    quote(registered_at) AS BLOB) FROM schema`,
} as const;
