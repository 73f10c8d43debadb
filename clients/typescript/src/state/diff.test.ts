import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findConflict } from './conflict.js';
import { diff } from './diff.js';
import { type JsonObject, JsonRefusal, type JsonValue, jsonEquals } from './json.js';
import { applyPatch, type PatchOperation } from './patch.js';

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'a/b', '~', '~1', '', '0', '-', 'constructor');
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, 0, 1, 'x', ''),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map(toObject),
  ),
}));
const document = fc.array(fc.tuple(key, value), { maxLength: 6 }).map(toObject);

function toObject(members: [string, JsonValue][]): JsonObject {
  const texts = members.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`);
  return JSON.parse(`{${texts.join(',')}}`);
}

const copy = <T>(source: T): T => JSON.parse(JSON.stringify(source));
const paths = (patch: readonly PatchOperation[]) => patch.map(({ op, path }) => `${op} ${path}`);

describe('diff', () => {
  it('makes a patch that turns the one document into the other', () => {
    fc.assert(
      fc.property(document, document, (base, current) => {
        const patch = copy(diff(base, current));
        const patched = copy(base);
        applyPatch(patched, patch);
        expect(jsonEquals(patched, current)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('makes an empty patch exactly of equal documents', () => {
    fc.assert(
      fc.property(document, document, (base, current) => {
        expect(diff(base, current).length === 0).toBe(jsonEquals(base, current));
      }),
    );
  });

  it.each([
    ['an append', { a: [1, 2] }, { a: [1, 2, 3, 4] }, ['add /a/-', 'add /a/-']],
    ['an insertion', { a: [1, 2, 3] }, { a: [1, 9, 2, 3] }, ['add /a/1']],
    ['a removal', { a: [1, 2, 3, 4] }, { a: [1, 4] }, ['remove /a/2', 'remove /a/1']],
    ['a change deep inside', { a: [{ b: 1, c: 2 }] }, { a: [{ b: 1, c: 3 }] }, ['replace /a/0/c']],
    ['a member that became undefined', { a: 1 }, { a: undefined }, ['remove /a']],
    ['another kind of value', { a: [] }, { a: {} }, ['replace /a']],
  ])('says %s in few words', (_, base, current, expected) => {
    expect(paths(diff(base as JsonObject, current))).toEqual(expected);
  });

  it.each([
    ['in a new member', { a: { b: new Date(0) } }, '/a/b'],
    ['in place of an object that looks the same', { o: new Map() }, '/o'],
    ['in an array that grew', { l: [1, 2, Number.NaN] }, '/l/2'],
    ['among equal elements', { l: [1, new Date(0)] }, '/l/1'],
  ])('refuses what JSON cannot hold %s', (_, current, path) => {
    const base = { o: {}, l: [1] };
    const refused = () => diff(base, { ...base, ...current });
    expect(refused).toThrow(JsonRefusal);
    expect(refused).toThrow(path);
  });

  it('touches neither document', () => {
    const base = { a: [1, { b: 2 }] };
    const current = { a: [{ b: 2 }, 1, 5] };
    const before = JSON.stringify([base, current]);
    diff(base, current);
    expect(JSON.stringify([base, current])).toBe(before);
  });
});

describe('applyPatch', () => {
  it('changes a document in place, so that references stay valid', () => {
    const document: JsonObject = { list: [1], inner: { n: 1 } };
    const { list, inner } = document;
    applyPatch(document, [
      { op: 'add', path: '/list/-', value: 2 },
      { op: 'replace', path: '/inner/n', value: 2 },
    ]);
    expect(list).toEqual([1, 2]);
    expect(inner).toEqual({ n: 2 });
  });

  it('answers another document only where the whole is replaced, and goes on in that one', () => {
    const document: JsonObject = { a: 1 };
    expect(applyPatch(document, [{ op: 'add', path: '/b', value: 2 }])).toBe(document);
    const replaced = applyPatch(document, [
      { op: 'replace', path: '', value: { c: 3 } },
      { op: 'add', path: '/d', value: 4 },
    ]);
    expect([replaced, document]).toEqual([
      { c: 3, d: 4 },
      { a: 1, b: 2 },
    ]);
  });

  it.each([
    [{ op: 'replace', path: '/nothing', value: 1 }],
    [{ op: 'remove', path: '/list/1' }],
    [{ op: 'add', path: '/list/3', value: 1 }],
    [{ op: 'add', path: '/list/01', value: 1 }],
    [{ op: 'add', path: '/a/b/c', value: 1 }],
    [{ op: 'replace', path: '', value: 1 }],
    [{ op: 'replace', path: '', value: [] }],
    [{ op: 'remove', path: '' }],
  ] as [PatchOperation][])('refuses %j, which leads nowhere', (operation) => {
    expect(() => applyPatch({ list: [1], a: 1 }, [operation])).toThrow(RangeError);
  });
});

describe('findConflict', () => {
  const base = { n: 0, list: [1], inner: { a: 1, b: 1 } };
  it.each([
    ['other places', { n: 1 }, { inner: { a: 2, b: 1 } }, undefined],
    ['two members of one object', { inner: { a: 2, b: 1 } }, { inner: { a: 1, b: 2 } }, undefined],
    ['two appends to one array', { list: [1, 2] }, { list: [1, 3] }, undefined],
    ['one number', { n: 1 }, { n: 2 }, '/n'],
    ['one number to the same value', { n: 1 }, { n: 1 }, '/n'],
    ['an append and a removal', { list: [1, 2] }, { list: [] }, '/list/-'],
    ['a removal and an append', { list: [] }, { list: [1, 2] }, '/list/0'],
    ['a member and the object around it', { inner: { a: 2, b: 1 } }, { inner: 5 }, '/inner/a'],
    ['one new member', { x: 1 }, { x: 2 }, '/x'],
  ])('judges changes of %s', (_, mine, theirs, expected) => {
    const patch = diff(base, { ...base, ...mine });
    expect(findConflict(base, { ...base, ...theirs } as JsonObject, patch)).toBe(expected);
  });
});
