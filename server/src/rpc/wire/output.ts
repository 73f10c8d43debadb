/** Bytes that are there from the start; grows for a larger message and stays so. */
const CAPACITY_INITIAL = 65_536;

/** Beyond this, room is given back after the message. */
const CAPACITY_KEPT = 1_048_576;

/**
 * Writes the primitives of protobuf's binary form backwards, from the end of its room to the front: the length of a part
 * is then known when it has to be written.
 */
export class Output {
  #bytes = Buffer.allocUnsafeSlow(CAPACITY_INITIAL);
  #position = CAPACITY_INITIAL;

  /** How much has been written; the length of a part is a difference of two. */
  get length(): number {
    return this.#bytes.length - this.#position;
  }

  /** Takes what was written and begins anew. */
  take(): Buffer {
    const bytes = Buffer.from(this.#bytes.subarray(this.#position));
    this.reset();
    return bytes;
  }

  /** Forgets what was written. */
  reset(): void {
    if (this.#bytes.length > CAPACITY_KEPT) this.#bytes = Buffer.allocUnsafeSlow(CAPACITY_INITIAL);
    this.#position = this.#bytes.length;
  }

  /** A number below 2^32. */
  uint32(value: number): void {
    if (value < 0x80) {
      this.#room(1);
      this.#bytes[--this.#position] = value;
      return;
    }
    this.safe(value);
  }

  /** An integer from 0 to 2^53 - 1. */
  safe(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size += 1;
    this.#room(size);
    this.#position -= size;
    let rest = value;
    for (let index = this.#position; size > 1; size--) {
      this.#bytes[index++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
      if (size === 2) this.#bytes[index] = rest;
    }
    if (value < 0x80) this.#bytes[this.#position] = value;
  }

  int64(value: bigint): void {
    if (value >= 0n && value <= MAX_SAFE) {
      this.safe(Number(value));
      return;
    }
    let rest = BigInt.asUintN(64, value);
    const digits: number[] = [];
    for (; rest >= 0x80n; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
    digits.push(Number(rest));
    this.bytes(digits);
  }

  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.int64(BigInt(value));
  }

  bytes(value: ArrayLike<number>): void {
    this.#room(value.length);
    this.#position -= value.length;
    this.#bytes.set(value, this.#position);
  }

  string(value: string): void {
    const size = Buffer.byteLength(value);
    this.#room(size);
    this.#position -= size;
    this.#bytes.write(value, this.#position, size);
  }

  #room(size: number): void {
    if (size <= this.#position) return;
    const used = this.length;
    const bytes = Buffer.allocUnsafeSlow(2 * this.#bytes.length + size);
    this.#bytes.copy(bytes, bytes.length - used, this.#position);
    this.#bytes = bytes;
    this.#position = bytes.length - used;
  }
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
