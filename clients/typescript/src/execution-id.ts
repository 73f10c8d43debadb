import { randomBytes } from 'node:crypto';

/**
 * Makes an execution id: a UUID of version 7 (RFC 9562, section 5.7), whose first 48 bits are the time, so that ids of
 * later executions sort later.
 * @param nowMs milliseconds since 1970.
 */
export function createExecutionId(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
