import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from './json.js';
import {
  applyPatch,
  type PatchOperation,
  parsePatch,
  parseState,
  type StateDocument,
} from './state-document.js';

const MIB = 1_048_576;

describe('a patch changes what it names', () => {
  test.each<[before: string, patch: string, after: string]>([
    ['{}', '[{"op":"add","path":"/a","value":1}]', '{"a":1}'],
    ['{"a":1}', '[{"op":"add","path":"/a","value":2}]', '{"a":2}'],
    ['{"a":1,"b":2}', '[{"op":"remove","path":"/a"}]', '{"b":2}'],
    ['{"a":1}', '[{"op":"remove","path":"/a"}]', '{}'],
    ['{"a":[]}', '[{"op":"add","path":"/a/-","value":1}]', '{"a":[1]}'],
    ['{"a":[]}', '[{"op":"add","path":"/a/0","value":1}]', '{"a":[1]}'],
    ['{"a":[1,3]}', '[{"op":"add","path":"/a/1","value":2}]', '{"a":[1,2,3]}'],
    ['{"a":[1,2]}', '[{"op":"add","path":"/a/2","value":3}]', '{"a":[1,2,3]}'],
    ['{"a":[1,2,3]}', '[{"op":"remove","path":"/a/1"}]', '{"a":[1,3]}'],
    ['{"a":[1]}', '[{"op":"remove","path":"/a/0"}]', '{"a":[]}'],
    ['{"a":[1,2]}', '[{"op":"replace","path":"/a/1","value":"é😀"}]', '{"a":[1,"é😀"]}'],
    ['{"a":[{"b":[1]}]}', '[{"op":"add","path":"/a/0/b/-","value":[]}]', '{"a":[{"b":[1,[]]}]}'],
    ['{"a":1}', '[{"op":"replace","path":"","value":{"b":2}}]', '{"b":2}'],
    ['{"":1}', '[{"op":"replace","path":"/","value":2}]', '{"":2}'],
    ['{"":{"":1}}', '[{"op":"replace","path":"//","value":2}]', '{"":{"":2}}'],
    ['{"a/b":1}', '[{"op":"replace","path":"/a~1b","value":2}]', '{"a/b":2}'],
    ['{"~":1,"~1":2}', '[{"op":"replace","path":"/~01","value":3}]', '{"~":1,"~1":3}'],
    ['{"m~n":1}', '[{"op":"remove","path":"/m~0n"}]', '{}'],
    [
      '{"__proto__":{"a":1}}',
      '[{"op":"add","path":"/__proto__/b","value":2}]',
      '{"__proto__":{"a":1,"b":2}}',
    ],
    ['{}', '[{"op":"add","path":"/__proto__","value":{"a":1}}]', '{"__proto__":{"a":1}}'],
    ['{"__proto__":1}', '[{"op":"remove","path":"/__proto__"}]', '{}'],
    ['{"-":1}', '[{"op":"replace","path":"/-","value":2}]', '{"-":2}'],
    ['{"a":1}', '[]', '{"a":1}'],
    ['{"n":0}', '[{"op":"replace","path":"/n","value":-0}]', '{"n":0}'],
    ['{}', '[{"op":"add","path":"/b","value":{}},{"op":"add","path":"/b/c","value":1}]', '{"b":{"c":1}}'],
  ])('%s %s', (before, patch, after) => {
    check(before, patch, after);
  });
});

describe('a patch that names what is not there is refused as a whole', () => {
  test.each<[before: string, patch: string, path: string]>([
    ['{}', '[{"op":"remove","path":"/a"}]', '/a'],
    ['{}', '[{"op":"replace","path":"/a","value":1}]', '/a'],
    ['{}', '[{"op":"add","path":"/a/b","value":1}]', '/a/b'],
    ['{}', '[{"op":"replace","path":"/toString","value":1}]', '/toString'],
    ['{}', '[{"op":"add","path":"/constructor/name","value":1}]', '/constructor/name'],
    ['{}', '[{"op":"add","path":"/__proto__/polluted","value":1}]', '/__proto__/polluted'],
    ['{"a":"text"}', '[{"op":"add","path":"/a/0","value":1}]', '/a/0'],
    ['{"a":null}', '[{"op":"add","path":"/a/b","value":1}]', '/a/b'],
    ['{"a":[1]}', '[{"op":"add","path":"/a/2","value":1}]', '/a/2'],
    ['{"a":[1]}', '[{"op":"replace","path":"/a/1","value":1}]', '/a/1'],
    ['{"a":[1]}', '[{"op":"remove","path":"/a/-"}]', '/a/-'],
    ['{"a":[[1]]}', '[{"op":"add","path":"/a/-/0","value":1}]', '/a/-/0'],
    ['{"a":[1]}', '[{"op":"remove","path":"/a/length"}]', '/a/length'],
    ['{"a":[1,2]}', '[{"op":"remove","path":"/a/01"}]', '/a/01'],
    ['{"a":[1,2]}', '[{"op":"remove","path":"/a/1.0"}]', '/a/1.0'],
    ['{"a":[1,2]}', '[{"op":"remove","path":"/a/-1"}]', '/a/-1'],
    ['{"a":1}', '[{"op":"add","path":"a","value":1}]', 'a'],
    ['{"a":1}', '[{"op":"remove","path":""}]', ''],
    ['{"a":1}', '[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]', '/a'],
  ])('%s %s', (before, patch, path) => {
    expect(patched(before, patch)).toMatchObject({ problem: { kind: 'invalid', path } });
  });
});

test.each<[text: string, path: string]>([
  ['{}', ''],
  ['[{"op":"add","path":"/a"}]', '/0'],
  ['[{"path":"/a","value":1}]', '/0'],
  ['[{"op":"remove","path":"/a"},{"op":"move","from":"/a","path":"/b"}]', '/1'],
  ['[{"op":"test","path":"/a","value":1}]', '/0'],
  ['[{"op":"remove","path":7}]', '/0'],
  ['[7]', '/0'],
  ['[{"op":"remove","op":"remove","path":"/a"}]', '/0/op'],
  ['[{"op":"add","path":"/a","value":1e400}]', '/0/value'],
  ['[', ''],
])('%s is no patch', (text, path) => {
  expect(parsePatch(text)).toMatchObject({ problem: { kind: 'invalid', path } });
});

test.each(['[]', '1', 'null', '"a"'])('%s is no state', (text) => {
  expect(parseState(text)).toMatchObject({ problem: { kind: 'not_an_object' } });
  const patch = `[{"op":"replace","path":"","value":${text}}]`;
  expect(patched('{}', patch)).toMatchObject({ problem: { kind: 'not_an_object' } });
});

describe('a state has at most 64 levels, however it comes to them', () => {
  test.each<[before: string, patch: (value: string) => string, above: string]>([
    ['{}', (value) => `[{"op":"add","path":"/a","value":${value}}]`, '/a'],
    ['{"a":[0]}', (value) => `[{"op":"replace","path":"/a/0","value":${value}}]`, '/a/0'],
    ['{"a":{"b":[]}}', (value) => `[{"op":"add","path":"/a/b/-","value":${value}}]`, '/a/b/-'],
    ['{}', (value) => `[{"op":"replace","path":"","value":{"a":${value}}}]`, '/a'],
  ])('%s', (before, patch, above) => {
    const levelsAbove = above.split('/').length - 1;
    expect(patched(before, patch(nested(64 - levelsAbove)))).toHaveProperty('document');
    // A patch that is too deep as a text is refused with the place in that.
    const path = expect.stringContaining(above + '/0'.repeat(64 - levelsAbove));
    expect(patched(before, patch(nested(65 - levelsAbove)))).toEqual({ problem: { kind: 'too_deep', path } });
  });

  test('read from its text', () => {
    expect(parseState(`{"a":${nested(63)}}`)).toHaveProperty('document');
    expect(parseState(`{"a":${nested(64)}}`)).toMatchObject({ problem: { kind: 'too_deep' } });
  });
});

describe('a state has at most 1,048,576 bytes of UTF-8', () => {
  const room = MIB - '{"a":""}'.length;
  test.each<[name: string, fill: string]>([
    ['one-byte characters', 'x'.repeat(room)],
    ['four-byte characters', '😀'.repeat(room / 4)],
    ['escaped characters', '\\n'.repeat(room / 2)],
  ])('%s', (_, fill) => {
    const text = `{"a":"${fill}"}`;
    const [patch, longer] = [fill, `${fill}y`].map(
      (value) => `[{"op":"add","path":"/a","value":"${value}"}]`,
    );
    expect(Buffer.byteLength(text)).toBe(MIB);
    expect(parseState(text)).toMatchObject({ document: { bytes: MIB } });
    expect(parseState(text.replace('"}', 'y"}'))).toEqual({ problem: { kind: 'too_large', bytes: MIB + 1 } });
    expect(patched('{}', patch ?? '')).toMatchObject({ document: { bytes: MIB } });
    expect(patched('{}', longer ?? '')).toEqual({ problem: { kind: 'too_large', bytes: MIB + 1 } });
  });

  test('what a patch takes away makes room for what it adds', () => {
    const fill = 'x'.repeat(room);
    const swap = `[{"op":"add","path":"/b","value":"${fill}"},{"op":"remove","path":"/a"}]`;
    expect(patched(`{"a":"${fill}"}`, swap)).toMatchObject({ document: { bytes: MIB } });
  });
});

test('a random patch gives what the naive way gives, with the size of its text, and leaves the document alone', () => {
  fc.assert(
    fc.property(documentArbitrary(), fc.array(operationArbitrary(), { maxLength: 6 }), (value, patch) => {
      const before = JSON.stringify(value);
      const document = stateOf(before);
      const result = applyPatch(document, patch);
      const expected = naively(before, patch);
      if (expected === undefined) expect(result).toHaveProperty('problem');
      else check(before, JSON.stringify(patch), expected);
      expect(JSON.stringify(document.value)).toBe(before);
    }),
    { numRuns: 5_000 },
  );
});

function check(before: string, patch: string, after: string): void {
  const result = patched(before, patch);
  if ('problem' in result) throw new Error(JSON.stringify(result.problem));
  expect(JSON.stringify(result.document.value)).toBe(after);
  expect(result.document.bytes).toBe(Buffer.byteLength(after));
}

function patched(before: string, patch: string): ReturnType<typeof applyPatch> {
  const parsed = parsePatch(patch);
  return 'problem' in parsed ? parsed : applyPatch(stateOf(before), parsed.patch);
}

function stateOf(text: string): StateDocument {
  const parsed = parseState(text);
  if ('problem' in parsed) throw new Error(`no state: ${text}`);
  return parsed.document;
}

function nested(depth: number): string {
  return depth === 0 ? '0' : '['.repeat(depth) + ']'.repeat(depth);
}

const NAMES = ['a', 'b', '', 'a/b', '~', '~1', '__proto__', '0', '1', '-'];

function documentArbitrary(): fc.Arbitrary<JsonObject> {
  return fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
    object: fc
      .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie('value')), {
        selector: ([name]) => name,
        maxLength: 4,
      })
      .map((members) =>
        JSON.parse(`{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)}}`),
      ),
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.constantFrom<JsonValue>(null, true, 0, -1.5, 'é', '😀"\n'),
      tie('object'),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  })).object;
}

function operationArbitrary(): fc.Arbitrary<PatchOperation> {
  const segment = fc.constantFrom(...NAMES.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1')));
  const path = fc
    .array(segment, { maxLength: 3 })
    .map((segments) => segments.map((each) => `/${each}`).join(''));
  const value = documentArbitrary().map((object) => Object.values(object)[0] ?? object);
  return fc.oneof(
    fc.record({ op: fc.constantFrom('add' as const, 'replace' as const), path, value }),
    fc.record({ op: fc.constant('remove' as const), path }),
  );
}

/** RFC 6902 word by word on a copy: the text after the patch, or undefined if it is refused. */
function naively(before: string, patch: readonly PatchOperation[]): string | undefined {
  const root: Record<string, unknown> = { '': JSON.parse(before) };
  for (const operation of patch) {
    const names = ['', ...operation.path.split('/').slice(1)];
    const keys = names.map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop() ?? '';
    let parent: unknown = root;
    for (const key of keys) {
      if (!isContainer(parent) || !has(parent, key)) return undefined;
      parent = (parent as Record<string, unknown>)[key];
    }
    if (!isContainer(parent)) return undefined;
    if (!has(parent, last) && operation.op !== 'add') return undefined;
    if (parent === root && operation.op === 'remove') return undefined;
    if (operation.op === 'add' && Array.isArray(parent)) {
      const index = last === '-' ? parent.length : Number(last);
      if (last !== '-' && !has(parent, last) && last !== String(parent.length)) return undefined;
      parent.splice(index, 0, JSON.parse(JSON.stringify(operation.value)));
    } else if (operation.op === 'remove') {
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete (parent as Record<string, unknown>)[last];
    } else {
      const value = JSON.parse(JSON.stringify(operation.value));
      Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  const state = root[''];
  return isContainer(state) && !Array.isArray(state) ? JSON.stringify(state) : undefined;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function has(container: object, key: string): boolean {
  if (!Array.isArray(container)) return Object.hasOwn(container, key);
  return String(Number(key)) === key && Object.hasOwn(container, key);
}
