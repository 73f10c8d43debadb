/** The version of this layout, in `PRAGMA user_version`. No server that wrote an older one was ever released. */
export const LAYOUT_VERSION = 5;

/** Bytes of a page of the database file. */
export const PAGE_BYTES = 4_096;

/**
 * How the database is opened. Order counts: the page size and the locking mode must be known before the first access.
 *
 * - EXCLUSIVE: the lock on the file is kept until the process ends, however it ends, so a second process is refused;
 *   and the index of the log is in memory, not in a shared file.
 * - NORMAL: SQLite itself syncs around copies of the log only, which made 6 syncs for 200 commits: not durable. The log is
 *   synced by us after each group, beside the event loop (log-sync.ts); FULL would hold up the loop for each.
 * - The log is copied into the database every 4,000 pages (16 MiB), which bounds it. Every 1,000 cost a tenth of the
 *   commits per second (docs/decisions/0001-embedded-store-layout.md).
 */
export const PRAGMAS: readonly string[] = [
  `page_size = ${PAGE_BYTES}`,
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  'synchronous = NORMAL',
  'wal_autocheckpoint = 4000',
  'cache_size = -16384',
  'mmap_size = 0',
  'temp_store = MEMORY',
  'trusted_schema = OFF',
];

/**
 * The tables. Every row ends with a CRC-32 of all that it holds, but for those of `waiting` and `term`, which repeat others.
 *
 * - `execution`: `body` is the whole execution as JSON. The columns before it repeat what the indexes need. `root` is
 *   null where the execution is its own root. `last_event`, `state_version` and `terms_version` (0 for no terms) say what
 *   the other tables must hold.
 *   `waits_for` is null or a JSON array of the keys under which the execution is in `waiting`.
 * - `waiting`: finds executions by what they wait for. SQLite indexes no members of an array, so this is a table, and
 *   opening compares it with `waits_for`. `rank` is minus the priority, so that all of its order is ascending, and one
 *   comparison of rows finds what comes after a place.
 * - `term_list`: the terms of an execution, a JSON array; no row where it has none. `term` finds executions by them, and
 *   opening compares the two. Both are written only when the terms change.
 * - `journal`: appended to, whatever the execution: commits that come together then share pages. Its index, of two
 *   small numbers, finds an execution's entries.
 * - `progress`: one row, written by every transaction: what the tables hold. Counting them again must give the same
 *   numbers, and the watermark file must not be ahead of them. Each `_sum` is the sum of the checksums of a table's rows,
 *   modulo 2^32: where rows may go, a sum of versions would not tell an old page from a new one. `created` is how many
 *   executions there ever were, and the `seq` of the newest: none is given twice, so that no row that a disk brings back
 *   belongs to another execution than it did.
 */
export const TABLES = `
CREATE TABLE execution (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  workflow TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  ready_at INTEGER NOT NULL,
  wake_at INTEGER,
  outbox_since INTEGER,
  created_at INTEGER NOT NULL,
  closed_at INTEGER,
  parent TEXT,
  root TEXT,
  session TEXT NOT NULL,
  user TEXT,
  last_event INTEGER NOT NULL,
  state_version INTEGER NOT NULL,
  terms_version INTEGER NOT NULL,
  waits_for TEXT,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE INDEX execution_ready ON execution (project, workflow, priority DESC, ready_at, id, queue) WHERE ready = 1;
CREATE INDEX execution_due ON execution (wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX execution_outbox ON execution (outbox_since) WHERE outbox_since IS NOT NULL;
CREATE INDEX execution_closed ON execution (project, closed_at, id) WHERE closed_at IS NOT NULL AND outbox_since IS NULL;
CREATE INDEX execution_list ON execution (project, created_at, id);
CREATE INDEX execution_status ON execution (project, status, created_at, id);
CREATE INDEX execution_workflow ON execution (project, workflow, created_at, id);
CREATE INDEX execution_workflow_status ON execution (project, workflow, status, created_at, id);
CREATE INDEX execution_parent ON execution (parent, created_at, id) WHERE parent IS NOT NULL;
CREATE INDEX execution_root ON execution (root, created_at, id) WHERE root IS NOT NULL;
CREATE INDEX execution_session ON execution (project, session, created_at, id);
CREATE INDEX execution_user ON execution (project, user, created_at, id) WHERE user IS NOT NULL;

CREATE TABLE waiting (
  key TEXT NOT NULL,
  rank INTEGER NOT NULL,
  ready_at INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (key, rank, ready_at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
  seq INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;

CREATE TABLE term_list (
  seq INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;

CREATE TABLE term (
  term TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (term, created_at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  number INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL,
  last_event INTEGER NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_order ON journal (seq, last_event);

CREATE TABLE schema (
  project TEXT NOT NULL,
  workflow TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  writes INTEGER NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL,
  PRIMARY KEY (project, workflow, kind, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
  seq INTEGER PRIMARY KEY,
  "group" TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  alias TEXT,
  due_at INTEGER,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX record_order ON record ("group", id);
CREATE UNIQUE INDEX record_alias ON record ("group", alias) WHERE alias IS NOT NULL;
CREATE INDEX record_due ON record (due_at, "group", id) WHERE due_at IS NOT NULL;

CREATE TABLE progress (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  store_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  chain INTEGER NOT NULL,
  created INTEGER NOT NULL,
  executions INTEGER NOT NULL,
  execution_sum INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  entry_sum INTEGER NOT NULL,
  schema_writes INTEGER NOT NULL,
  records INTEGER NOT NULL,
  record_sum INTEGER NOT NULL
) STRICT;
`;
