import { readFileSync } from 'node:fs';
import { createRegistry, fromJson, type JsonValue as WireJson } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { file_google_rpc_error_details } from './gen/google/rpc/error_details_pb.js';
import { StatusSchema } from './gen/google/rpc/status_pb.js';
import { file_polos_v1_error_details } from './gen/polos/v1/error_details_pb.js';
import { retryDelayMs } from './retry.js';
import { findConflict } from './state/conflict.js';
import { diff } from './state/diff.js';
import { type JsonObject, JsonRefusal, toJsonText } from './state/json.js';
import { applyPatch, type PatchOperation } from './state/patch.js';
import { fromStatus } from './status.js';

/** The cases that every SDK's pure functions are held to: see test/client-conformance/README.md. */
function vectors<T>(name: string): readonly (T & { readonly name: string })[] {
  const file = new URL(`../../../test/client-conformance/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

interface Backoff {
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly retry: number;
  readonly delayMs: number;
}

describe('delays before a retry, without their spread', () => {
  it.each(vectors<Backoff>('backoff'))('$name', ({ baseDelayMs, maxDelayMs, retry, delayMs }) => {
    const delays = { baseDelay: baseDelayMs, maxDelay: maxDelayMs };
    expect(retryDelayMs(delays, retry, 0.5)).toBe(delayMs);
    expect(retryDelayMs(delays, retry, 0)).toBe(delayMs * 0.75);
  });
});

interface Applied {
  readonly document: JsonObject;
  readonly patch: readonly PatchOperation[];
  readonly result?: JsonObject;
}

describe('applying a JSON Patch', () => {
  it.each(vectors<Applied>('patch-apply'))('$name', ({ document, patch, result }) => {
    if (result === undefined) expect(() => applyPatch(document, patch)).toThrow(RangeError);
    else expect(JSON.stringify(applyPatch(document, patch))).toBe(JSON.stringify(result));
  });
});

interface Difference {
  readonly from: JsonObject;
  readonly to: JsonObject;
  readonly patch: readonly PatchOperation[];
}

describe('the difference of two documents', () => {
  it.each(vectors<Difference>('patch-diff'))('$name', ({ from, to, patch }) => {
    expect(diff(from, to)).toEqual(patch);
  });
});

interface Conflict {
  readonly base: JsonObject;
  readonly theirs: JsonObject;
  readonly patch: readonly PatchOperation[];
  readonly conflict: string | null;
}

describe('conflicts of a step with other branches', () => {
  it.each(vectors<Conflict>('conflicts'))('$name', ({ base, theirs, patch, conflict }) => {
    expect(findConflict(base, theirs, patch) ?? null).toBe(conflict);
  });
});

/** What JSON cannot hold, by the names in the vectors. */
const VALUES: Readonly<Record<string, unknown>> = {
  nan: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  'minus infinity': Number.NEGATIVE_INFINITY,
  'integer too large': 2 ** 53,
  'integer too small': -(2 ** 53),
  'lone surrogate': 'a\ud800',
  date: new Date(0),
  set: new Set([1]),
  bytes: new Uint8Array([1]),
  function: () => 1,
  instance: new (class Point {})(),
};

function withValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withValues);
  if (typeof value !== 'object' || value === null) return value;
  if ('!value' in value) return VALUES[String(value['!value'])];
  for (const [name, member] of Object.entries(value)) {
    Object.defineProperty(value, name, { value: withValues(member) });
  }
  return value;
}

interface Json {
  readonly value: unknown;
  readonly bytes?: number;
  readonly refusedAt?: string;
}

describe('what JSON can hold, and its size', () => {
  it.each(vectors<Json>('json'))('$name', ({ value, bytes, refusedAt }) => {
    const given = withValues(value);
    if (refusedAt === undefined) {
      expect(Buffer.byteLength(toJsonText(given) ?? '')).toBe(bytes);
    } else {
      expect(() => toJsonText(given)).toThrow(JsonRefusal);
      expect(() => toJsonText(given)).toThrow(expect.objectContaining({ path: refusedAt }));
    }
  });
});

interface Refusal {
  readonly code: number;
  readonly details: WireJson;
  readonly error: Readonly<Record<string, unknown>> & { readonly type: string };
}

describe('the error of a status and its details', () => {
  const registry = createRegistry(file_google_rpc_error_details, file_polos_v1_error_details);
  it.each(vectors<Refusal>('errors'))('$name', ({ code, details, error: { type, issues, ...members } }) => {
    const status = fromJson(StatusSchema, { code, message: 'why', details }, { registry });
    const error = fromStatus(status);
    expect(error.name).toBe(type);
    expect(error).toMatchObject(members);
    if (issues === undefined) return;
    const own = error as { readonly issues?: unknown; readonly fieldViolations?: unknown };
    expect(own.issues ?? own.fieldViolations).toEqual(issues);
  });
});
