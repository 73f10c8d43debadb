import type { ExecutionPlace } from '../engine/api.js';
import { invalidField } from './refusals.js';

/** The token of the page after an execution. Callers must not look inside. */
export function encodeExecutionsToken({ createdAt, id }: ExecutionPlace): string {
  return encode([createdAt, id]);
}

/** The place in a token that ListExecutions gave; undefined for the first page. */
export function decodeExecutionsToken(token: string): ExecutionPlace | undefined {
  if (token === '') return undefined;
  const [createdAt, id, ...rest] = decode(token);
  if (!isPlace(createdAt) || typeof id !== 'string' || rest.length > 0) throw notOurs();
  return { createdAt, id };
}

/** The token of the page that begins at a place, or after one, of an execution's steps or revisions; empty at the end. */
export function encodePlaceToken(place: number | undefined): string {
  return place === undefined ? '' : encode([place]);
}

/** The place in a token that ListSteps, ListStateRevisions or an assignment gave; 0 for the first page. */
export function decodePlaceToken(token: string): number {
  if (token === '') return 0;
  const [place, ...rest] = decode(token);
  if (!isPlace(place) || rest.length > 0) throw notOurs();
  return place;
}

/** The token of the page after a schedule; empty at the end. */
export function encodeScheduleToken(place: string | undefined): string {
  return place === undefined ? '' : encode([place]);
}

/** The place in a token that ListSchedules gave; undefined for the first page. */
export function decodeScheduleToken(token: string): string | undefined {
  if (token === '') return undefined;
  const [place, ...rest] = decode(token);
  if (typeof place !== 'string' || rest.length > 0) throw notOurs();
  return place;
}

function encode(parts: readonly (number | string)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

function decode(token: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(parts)) return parts;
  } catch {
    // Not JSON: no token of ours.
  }
  throw notOurs();
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function notOurs(): Error {
  return invalidField('page_token', 'the server never gave this token; send an empty one for the first page');
}
