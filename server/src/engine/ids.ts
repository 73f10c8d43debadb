import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** A UUID of version 7 (RFC 9562): ids that were made one after the other sort so, to the millisecond. */
export function timeOrderedId(at: number): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  const random = randomUUID();
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

const TIME_ORDERED_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The id that an idempotency key stands for. One key is one id, so the store needs no other rule to keep one key to one
 * execution: a key that has the form of an id is the id, as SDKs use it; any other gets a UUID of version 8 (RFC 9562),
 * which is no caller's to choose.
 */
export function idOfKey(projectId: string, key: string): string {
  return TIME_ORDERED_ID.test(key) ? key : hashedId(`${projectId}\0${key}`);
}

/**
 * The id of what the engine makes by itself, from what it is made for: the same for the same parts, and no other's. No
 * idempotency key leads to it, since JSON text holds no NUL.
 */
export function idOfParts(...parts: readonly (string | number)[]): string {
  return hashedId(JSON.stringify(parts));
}

function hashedId(text: string): string {
  const hash = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hash.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

/** 128 bits that nobody can guess. */
export function secretToken(): string {
  return randomBytes(16).toString('base64url');
}
