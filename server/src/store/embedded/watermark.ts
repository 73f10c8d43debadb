import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncDirectory } from './directory.js';

/** The name of the file, in the data directory. */
export const WATERMARK_FILE = 'watermark';

/** Two slots, written in turn, each in a page of its own: a torn write leaves the other whole. */
const SLOT_BYTES = 4_096;

/** How long a written watermark may be in the page cache only. */
const SYNC_DELAY_MS = 1_000;

/** What the watermark says: the last group commit that was acknowledged, and who acknowledged it. */
export interface WatermarkRecord {
  readonly storeId: string;
  /** Grows by one with each group commit. */
  readonly number: number;
  /** A checksum over the checksums of all rows that were ever committed, in order. */
  readonly chain: number;
  readonly pid: number;
}

/**
 * A file beside the database that knows how far the database must have come. SQLite opens a file that was cut short, or
 * whose log has a flipped bit, without a word and without the commits that were lost; this file is how we notice.
 *
 * It is written after the database was synced and before the commit is acknowledged, and synced about once a second:
 * after kill -9 it is exact, after a loss of power it may be a second behind, and it is never ahead of the truth.
 */
export class Watermark {
  private readonly descriptor: number;
  private readonly slot = Buffer.alloc(192);
  private timer: NodeJS.Timeout | undefined;
  private isSyncing = false;
  private isClosing = false;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Puts a new file in place of any that is there. The record is durable when this returns. */
  static create(dataDir: string, record: WatermarkRecord): Watermark {
    const path = join(dataDir, WATERMARK_FILE);
    const watermark = new Watermark(openSync(`${path}.new`, 'w+', 0o600));
    writeSync(watermark.descriptor, Buffer.alloc(2 * SLOT_BYTES, ' '));
    watermark.write(record);
    fsyncSync(watermark.descriptor);
    // Under another name until it is whole, so that a crash leaves the old file or the new one.
    renameSync(`${path}.new`, path);
    syncDirectory(dataDir);
    return watermark;
  }

  /** Writes the record; it survives the end of this process from now on. */
  write(record: WatermarkRecord): void {
    this.slot.fill(' ');
    this.slot.write(slotText(record), 'latin1');
    writeSync(this.descriptor, this.slot, 0, this.slot.length, (record.number % 2) * SLOT_BYTES);
    this.timer ??= setTimeout(() => this.sync(), SYNC_DELAY_MS).unref();
  }

  /** Syncs and closes the file. */
  close(): void {
    clearTimeout(this.timer);
    this.isClosing = true;
    fdatasyncSync(this.descriptor);
    if (!this.isSyncing) closeSync(this.descriptor);
  }

  private sync(): void {
    this.timer = undefined;
    this.isSyncing = true;
    // A failure loses nothing but some of the watermark's reach; the database is synced by itself.
    fdatasync(this.descriptor, () => {
      this.isSyncing = false;
      if (this.isClosing) closeSync(this.descriptor);
    });
  }
}

/** What the file of a directory says: the newer of its slots that are whole. */
export function readWatermark(dataDir: string): WatermarkRecord | 'missing' | 'damaged' {
  const path = join(dataDir, WATERMARK_FILE);
  if (!existsSync(path)) return 'missing';
  const text = readFileSync(path, 'latin1');
  const records = [0, SLOT_BYTES].flatMap((start) => parseSlot(text.slice(start, start + SLOT_BYTES)) ?? []);
  return records.sort((a, b) => b.number - a.number)[0] ?? 'damaged';
}

function slotText({ storeId, number, chain, pid }: WatermarkRecord): string {
  const fields = `polos watermark 1 store=${storeId} number=${number} chain=${chain} pid=${pid} `;
  return `${fields}crc=${crc32(fields)}\n`;
}

const SLOT = /^(polos watermark 1 store=(\S+) number=(\d+) chain=(\d+) pid=(\d+) )crc=(\d+)\n/;

function parseSlot(text: string): WatermarkRecord | undefined {
  const [, fields = '', storeId = '', number, chain, pid, crc] = SLOT.exec(text) ?? [];
  if (fields === '' || crc32(fields) !== Number(crc)) return undefined;
  return { storeId, number: Number(number), chain: Number(chain), pid: Number(pid) };
}
