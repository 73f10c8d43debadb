import { isUtf8 } from 'node:buffer';

/** Messages inside messages; protobuf's own limit in every language. */
const DEPTH_MAX = 100;

/** Reads the primitives of protobuf's binary form. Throws for whatever runs over the end of its part. */
export class Input {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Whether there is more in the part that is read now. */
  get hasMore(): boolean {
    return this.#position < this.#end;
  }

  /** Reads a part with its length before it. */
  nested<T>(read: () => T): T {
    const length = this.count();
    const outer = this.#end;
    const end = this.#position + length;
    if (end > outer) throw new Error('a length runs over the end');
    if (this.#depth === DEPTH_MAX) throw new Error(`messages are nested deeper than ${DEPTH_MAX} levels`);
    this.#depth += 1;
    this.#end = end;
    const value = read();
    this.#end = outer;
    this.#depth -= 1;
    return value;
  }

  /** A varint that has to fit 32 bits, unsigned: a tag or a length. */
  count(): number {
    const from = this.#position;
    const value = this.uint32();
    const size = this.#position - from;
    if (size > 5 || (size === 5 && (this.#bytes[this.#position - 1] as number) > 0x0f)) {
      throw new Error('a tag or a length does not fit 32 bits');
    }
    return value;
  }

  /** A varint of which the lower 32 bits count, unsigned. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error('a number is longer than ten bytes');
  }

  /** A varint of 64 bits, signed. */
  int64(): bigint {
    let value = 0;
    let factor = 1;
    // Seven bytes are 49 bits, which a double holds: most numbers end there.
    for (let index = 0; index < 7; index++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return BigInt(value);
      factor *= 128;
    }
    let large = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      large |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, large);
    }
    throw new Error('a number is longer than ten bytes');
  }

  bool(): boolean {
    return this.int64() !== 0n;
  }

  bytes(): Uint8Array {
    const from = this.#take(this.count());
    // A plain Uint8Array: a Buffer has a toJSON of its own.
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + from, this.#position - from);
  }

  /** Text, as it is: neither a byte order mark nor anything else is left out or replaced. */
  string(): string {
    const from = this.#take(this.count());
    if (from === this.#position) return '';
    if (!isUtf8(this.#bytes.subarray(from, this.#position))) throw new Error('a text is not UTF-8');
    return this.#bytes.toString('utf8', from, this.#position);
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.int64();
        return;
      case 1:
        this.#take(8);
        return;
      case 2:
        this.#take(this.count());
        return;
      case 5:
        this.#take(4);
        return;
      default:
        throw new Error(`the wire type ${wireType} is not understood`);
    }
  }

  #byte(): number {
    if (this.#position >= this.#end) throw new Error('it ends too early');
    // Within bounds: checked above.
    return this.#bytes[this.#position++] as number;
  }

  #take(length: number): number {
    const from = this.#position;
    if (from + length > this.#end) throw new Error('a length runs over the end');
    this.#position = from + length;
    return from;
  }
}
