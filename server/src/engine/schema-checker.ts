import type { JsonValue } from '../core/json.js';
import type { SchemaComparison } from '../core/schema/comparison.js';
import type { Checked, ReadSchema } from './schema-compiler.js';
import { SchemaThread } from './schema-thread.js';

/** A schema that values can be checked against, or why the server cannot use it. */
export type Usable =
  | {
      /** @param bytes  of the value's text, if they are known: that spares a walk through most values. */
      readonly check: (value: JsonValue, bytes?: number) => Checked | Promise<Checked>;
    }
  | { readonly problem: string };

/** Schemas up to this many bytes are read here; others by the thread. */
const READ_HERE_BYTES_MAX = 16_384;

/** Objects and arrays up to which a schema is compiled here: about 10 ms. */
const COMPILE_HERE_NODES_MAX = 200;

/** How large the patterns of such a schema may become, together. */
const COMPILE_HERE_PATTERNS_MAX = 5_000;

/** Units of work (see SchemaCost) that a check may take here: about 10 ms. */
const CHECK_HERE_WORK_MAX = 2_000_000;

/** Checks by one schema that may take too long until the server leaves it to the SDK. */
const LATE_MAX = 3;

/** Schemas that are kept compiled. */
const KEPT_MAX = 500;

/**
 * Checks values against schemas that somebody else wrote, so that no schema and no value holds up the server: what is sure
 * to take little is done here, where it costs microseconds; the rest is done by a thread, under a limit of time.
 */
export class SchemaChecker {
  private readonly thread: SchemaThread;
  private readonly known = new Map<string, Promise<Usable>>();

  /** @param thread  does what may take long. */
  constructor(thread = new SchemaThread()) {
    this.thread = thread;
  }

  /** Makes a schema ready. @param digest  names its meaning. */
  use(digest: string, text: string): Promise<Usable> {
    const known = this.known.get(digest);
    if (known) return known;
    const made = this.make(text);
    const [oldest] = this.known.keys();
    if (oldest !== undefined && this.known.size >= KEPT_MAX) this.known.delete(oldest);
    this.known.set(digest, made);
    made.catch(() => this.known.delete(digest));
    return made;
  }

  /** Compares two schemas that can be used. */
  async compare(before: string, after: string): Promise<SchemaComparison> {
    const answer = await this.thread.ask({ type: 'compare', before, after });
    if (!('late' in answer)) return answer;
    const message = `the schemas could not be compared: ${answer.late}`;
    const finding = { compatibility: 'unknown', pointer: '', keyword: '', message } as const;
    return { compatibility: 'unknown', findings: [finding], omitted: 0 };
  }

  close(): Promise<void> {
    return this.thread.close();
  }

  private async make(text: string): Promise<Usable> {
    // The compiler takes 10 MB of memory and a tenth of a second: it is loaded with the first schema.
    const { compileSchema, readSchema } = await import('./schema-compiler.js');
    if (Buffer.byteLength(text) > READ_HERE_BYTES_MAX) return this.inThread(text);
    const read = readSchema(text);
    if ('problem' in read) return read;
    if (!isSmall(read.read)) return this.inThread(text);
    const compiled = compileSchema(read.read);
    // One registration may bring hundreds of schemas: others take their turns in between.
    await new Promise((resolve) => setImmediate(resolve));
    if ('problem' in compiled) return compiled;
    const { workBound, workOf } = await import('./schema-cost.js');
    const { cost } = read.read;
    const checkInThread = this.checkerInThread(text);
    return {
      check: (value, bytes = Number.POSITIVE_INFINITY) => {
        const isLittle =
          workBound(cost, bytes) <= CHECK_HERE_WORK_MAX || workOf(cost, value) <= CHECK_HERE_WORK_MAX;
        return isLittle ? compiled.check(value) : checkInThread(value);
      },
    };
  }

  private async inThread(text: string): Promise<Usable> {
    const answer = await this.thread.ask({ type: 'compile', text });
    if (answer === null) return { check: this.checkerInThread(text) };
    return { problem: typeof answer === 'string' ? answer : `it could not be compiled: ${answer.late}` };
  }

  /** Checks in the thread, until that has taken too long so often that it is the schema's fault. */
  private checkerInThread(text: string): (value: JsonValue) => Promise<Checked> {
    let late = 0;
    return async (value) => {
      if (late >= LATE_MAX) return { unchecked: `its checks took too long ${LATE_MAX} times` };
      const answer = await this.thread.ask({ type: 'check', text, value });
      if (!('late' in answer)) return answer;
      late += 1;
      return { unchecked: answer.late };
    };
  }
}

/** Whether compiling a schema is sure to take little, and it can be told how much a check takes. */
function isSmall(read: ReadSchema): read is ReadSchema & Required<Pick<ReadSchema, 'cost'>> {
  return (
    read.cost !== undefined &&
    read.nodes <= COMPILE_HERE_NODES_MAX &&
    read.patternsSize <= COMPILE_HERE_PATTERNS_MAX
  );
}
