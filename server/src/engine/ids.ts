import { randomBytes, randomUUID } from 'node:crypto';

/** A UUID of version 7 (RFC 9562): ids that were made one after the other sort so, to the millisecond. */
export function timeOrderedId(at: number): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const random = randomUUID();
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

/** 128 bits that nobody can guess. */
export function secretToken(): string {
  return randomBytes(16).toString('base64url');
}
