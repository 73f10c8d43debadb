import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { makeDirectory } from './directory.js';
import { damage, isBusy, toFault } from './faults.js';
import { LAYOUT_VERSION, PRAGMAS, TABLES } from './layout.js';
import { LogSync } from './log-sync.js';
import { insertProgress, type Progress, ProgressRow, watermarkOf } from './progress.js';
import { verifyDatabase } from './verify.js';
import { readWatermark, WATERMARK_FILE, Watermark, type WatermarkRecord } from './watermark.js';

/** The name of the database, in the data directory. */
const DATABASE_FILE = 'polos.db';

/** An operator who makes a file of this name says: open what is there, although acknowledged commits are missing. */
const ACCEPT_LOSS_FILE = 'accept-loss';

/** A database that this process holds, and that is complete. */
export interface OpenDatabase {
  readonly database: Database.Database;
  /** The path of its file, for messages. */
  readonly file: string;
  readonly watermark: Watermark;
  readonly log: LogSync;
  /** Copies the log into the database file and lets go of both. */
  close(): void;
}

/** Opens the database of a directory, or makes it. Throws a StoreFault if it is in use, or not all there. */
export function openDatabase(dataDir: string): OpenDatabase {
  const file = join(dataDir, DATABASE_FILE);
  try {
    makeDirectory(dataDir);
    const expected = readExpectation(dataDir);
    refuseMissing(file, expected);
    const database = lock(dataDir, file, expected);
    try {
      const progress = openTables(database, file);
      refuseLoss(dataDir, progress, expected);
      copyLog(database, file);
      verifyDatabase(database, file, progress);
      const watermark = Watermark.create(dataDir, watermarkOf(progress));
      if (expected === 'accepted') unlinkSync(join(dataDir, ACCEPT_LOSS_FILE));
      const log = new LogSync(file);
      return { database, file, watermark, log, close: () => close(database, file, { watermark, log }) };
    } catch (error) {
      abandon(database, file);
      throw error;
    }
  } catch (error) {
    throw toFault(`${file}: open`, error);
  }
}

/** What the database must hold at least. */
type Expectation = WatermarkRecord | 'missing' | 'damaged' | 'accepted';

function readExpectation(dataDir: string): Expectation {
  return existsSync(join(dataDir, ACCEPT_LOSS_FILE)) ? 'accepted' : readWatermark(dataDir);
}

/** Before SQLite would make an empty database, and throw away a log that belongs to the missing one. */
function refuseMissing(file: string, expected: Expectation): void {
  const isThere = existsSync(file) && statSync(file).size > 0;
  if (isThere || typeof expected === 'string' || expected.number === 0) return;
  throw damage(
    `${file}: it is missing or empty, but ${commitsOf(expected)} were acknowledged. ${HOW_TO_GO_ON}`,
  );
}

/** The first access takes the lock, and keeps it. */
function lock(dataDir: string, file: string, expected: Expectation): Database.Database {
  try {
    const database = new Database(file);
    for (const pragma of PRAGMAS) database.prepare(`PRAGMA ${pragma}`).all([]);
    return database;
  } catch (error) {
    if (!isBusy(error)) throw error;
    const holder = typeof expected === 'string' ? '' : ` (pid ${expected.pid})`;
    const message = `${dataDir}: another process${holder} has this data directory open; stop it, or use another directory`;
    throw damage(message);
  }
}

/** Makes the tables if there are none. */
function openTables(database: Database.Database, file: string): Progress {
  const [version] = database.prepare('PRAGMA user_version').raw().get([]) as [number];
  const [tables] = database.prepare('SELECT count(*) FROM sqlite_schema').raw().get([]) as [number];
  if (version === 0 && tables === 0) createTables(database);
  else if (version > LAYOUT_VERSION) {
    const versions = `version ${version} of its layout; this one knows ${LAYOUT_VERSION}`;
    throw damage(`${file}: it was written by a newer server, in ${versions}. Start a newer server.`);
  } else if (version >= 1 && version < LAYOUT_VERSION) {
    throw damage(
      `${file}: it was written before the first release; use another data directory, or move this one away`,
    );
  } else if (version !== LAYOUT_VERSION) {
    throw damage(
      `${file}: the file is damaged: it says version ${version} of its layout, which there never was`,
    );
  }
  return new ProgressRow(database, file).read();
}

function createTables(database: Database.Database): void {
  database.exec('BEGIN IMMEDIATE');
  database.exec(TABLES);
  insertProgress(database, randomUUID());
  database.exec(`PRAGMA user_version = ${LAYOUT_VERSION}`);
  database.exec('COMMIT');
}

const HOW_TO_GO_ON =
  'Restore the data directory from a backup; or, to go on without what is missing, make an empty file named ' +
  `"${ACCEPT_LOSS_FILE}" in it and start again.`;

/** SQLite opens a file or a log that was cut short without a word: the watermark knows better. */
function refuseLoss(dataDir: string, progress: Progress, expected: Expectation): void {
  const file = join(dataDir, DATABASE_FILE);
  const watermark = join(dataDir, WATERMARK_FILE);
  if (expected === 'accepted' || (typeof expected === 'string' && progress.number === 0)) return;
  if (typeof expected === 'string') {
    throw damage(
      `${watermark}: it is ${expected}, so nobody knows whether ${file} is complete. ${HOW_TO_GO_ON}`,
    );
  }
  if (expected.storeId !== progress.storeId) {
    throw damage(`${watermark}: it belongs to another database than ${file}. ${HOW_TO_GO_ON}`);
  }
  const { number } = progress;
  if (number < expected.number || (number === expected.number && progress.chain !== expected.chain)) {
    throw damage(
      `${file}: it holds ${number} group commits, but ${commitsOf(expected)} were acknowledged: it or its log ` +
        `(${DATABASE_FILE}-wal) was cut short, damaged or replaced by an older copy. ${HOW_TO_GO_ON}`,
    );
  }
}

function commitsOf({ number, chain }: WatermarkRecord): string {
  return `${number} (checksum ${chain})`;
}

/** Copies the log into the database file, so that what is verified is what is on the disk. */
function copyLog(database: Database.Database, file: string): void {
  const [busy] = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().get([]) as [number];
  if (busy !== 0) throw new Error(`${file}: the log could not be copied, though nobody else has the file`);
}

/** Lets go of a database that is refused, and keeps a copy of its log: SQLite removes what it cannot read of it. */
function abandon(database: Database.Database, file: string): void {
  const log = `${file}-wal`;
  try {
    const isKept = existsSync(`${log}.refused`) || !existsSync(log) || statSync(log).size === 0;
    if (!isKept) copyFileSync(log, `${log}.refused`);
    release(database);
  } catch {
    // What made us refuse it is what to report. The lock then ends with the process.
  }
}

function close(
  database: Database.Database,
  file: string,
  { watermark, log }: Pick<OpenDatabase, 'watermark' | 'log'>,
): void {
  try {
    log.close();
    release(database);
  } catch (error) {
    throw toFault(`${file}: close`, error);
  } finally {
    watermark.close();
  }
}

/**
 * Lets go of the file at once. `close` of the driver does not: it waits until every prepared statement was collected as
 * garbage, and holds the lock until then. Leaving WAL mode copies the log into the database and removes it.
 */
function release(database: Database.Database): void {
  for (const pragma of ['journal_mode = DELETE', 'locking_mode = NORMAL', 'user_version']) {
    database.prepare(`PRAGMA ${pragma}`).all([]);
  }
  database.close();
}
