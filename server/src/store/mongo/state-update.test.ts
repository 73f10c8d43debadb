import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../core/json.js';
import { applyPatch, type PatchOperation } from '../../core/state-document.js';
import { stateUpdate } from './state-update.js';

/** The fields that a patch of a state writes, and removes. */
function update(state: JsonObject, patch: readonly PatchOperation[]) {
  const applied = applyPatch({ value: state, bytes: JSON.stringify(state).length }, patch);
  if ('problem' in applied) throw new Error(JSON.stringify(applied.problem));
  return stateUpdate(applied.document.value, patch);
}

const add = (path: string, value: unknown = 'new') => ({ op: 'add', path, value }) as PatchOperation;
const replace = (path: string, value: unknown = 'new') => ({ op: 'replace', path, value }) as PatchOperation;
const remove = (path: string) => ({ op: 'remove', path }) as PatchOperation;

describe('a patch writes', () => {
  test.each<[what: string, state: JsonObject, patch: PatchOperation[], set: object, unset: string[]]>([
    ['a member', { a: 1 }, [replace('/a')], { 'state.a': 'new' }, []],
    ['a member of a member', { a: { b: 1 } }, [add('/a/c')], { 'state.a.c': 'new' }, []],
    ['nothing for a member that is gone', { a: { b: 1 } }, [remove('/a/b')], {}, ['state.a.b']],
    ['an element', { a: [1, 2] }, [replace('/a/1')], { 'state.a.1': 'new' }, []],
    ['what is in an element', { a: [{ b: 1 }] }, [replace('/a/0/b')], { 'state.a.0.b': 'new' }, []],
    ['a member with a number for a name', { a: { 0: 1 } }, [replace('/a/0')], { 'state.a.0': 'new' }, []],
    ['an appended element', { a: [1] }, [add('/a/-')], { 'state.a.1': 'new' }, []],
    ['one that is appended by its index', { a: [1] }, [add('/a/1')], { 'state.a.1': 'new' }, []],
    ['several', { a: [1] }, [add('/a/-'), add('/a/2')], { 'state.a.1': 'new', 'state.a.2': 'new' }, []],
    ['the array of an inserted element', { a: [1] }, [add('/a/0')], { 'state.a': ['new', 1] }, []],
    ['the array of a removed element', { a: [1, 2] }, [remove('/a/1')], { 'state.a': [1] }, []],
    [
      'the array of an element that was appended and moved',
      { a: [1] },
      [add('/a/-'), remove('/a/0')],
      { 'state.a': ['new'] },
      [],
    ],
    [
      'the outer array, if elements of it moved',
      { a: [[1], [2]] },
      [add('/a/1/-'), remove('/a/0')],
      { 'state.a': [[2, 'new']] },
      [],
    ],
    [
      'an appended element as it is in the end',
      { a: [] },
      [add('/a/-', {}), add('/a/0/b')],
      { 'state.a.0': { b: 'new' } },
      [],
    ],
    [
      'what was added and then filled, once',
      {},
      [add('/a', {}), add('/a/b'), add('/a/c', [])],
      { 'state.a': { b: 'new', c: [] } },
      [],
    ],
    ['nothing for what came and went', {}, [add('/a', {}), add('/a/b'), remove('/a')], {}, ['state.a']],
    [
      'a member that was an array',
      { a: [1] },
      [add('/a/-'), replace('/a', { 0: 1 }), add('/a/-')],
      { 'state.a': { 0: 1, '-': 'new' } },
      [],
    ],
    [
      'keys that MongoDB would not take, escaped',
      { 'a.b': { '': { $c: 1 } } },
      [replace('/a.b//$c', { '%': 1 })],
      { 'state.a%2Eb.%.%24c': { '%25': 1 } },
      [],
    ],
    [
      'the whole, if that is replaced',
      { a: 1 },
      [replace('', { b: 1 }), add('/c')],
      { state: { b: 1, c: 'new' } },
      [],
    ],
  ])('%s', (_, state, patch, set, unset) => {
    expect(update(state, patch)).toEqual({ set, unset });
  });

  test('the whole, if it touches very many places', () => {
    const members = Array.from({ length: 33 }, (_, n) => add(`/m${n}`));
    expect(Object.keys(update({}, members.slice(1)).set)).toHaveLength(32);
    expect(Object.keys(update({}, members).set)).toEqual(['state']);
  });
});

test('a state that comes without a patch is written as a whole', () => {
  expect(stateUpdate({ $a: 1 }, undefined)).toEqual({ set: { state: { '%24a': 1 } }, unset: [] });
});
