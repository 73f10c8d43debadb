import type { z } from 'zod';
import type { workflow } from '../../client-conformance/instructions.js';
import { type Change, edit, newOwn } from '../workflows/edit.js';
import type { Piece } from '../workflows/program.js';

/** A workflow as the conformance kit's drivers take it, in every language. */
export type WorkflowScript = z.input<typeof workflow> & { readonly id: string };

type Instruction = Readonly<Record<string, unknown>>;

/** How long a step's function takes for each of its turns: long enough to be killed in it. */
const TURN_MS = 15;
const WAIT_SECONDS = 0.05;

/** What a step of one of these workflows fails with. */
const FAILURE = 'Failure';

/** The id of the workflow of all children. */
export const CHILD = 'child';

/** The workflow of all children: it has a state, fails once in a step, and waits. */
export const CHILD_SCRIPT: WorkflowScript = {
  id: CHILD,
  do: [
    { set: { '/payload': { '!get': 'payload' }, '/seen': [] } },
    {
      step: 'double',
      do: [{ append: { '/seen': ['in', ['double']] } }],
      sleepsMs: TURN_MS,
      fails: { type: FAILURE, message: 'the first attempt of double', attempts: 1 },
      returns: [{ '!get': 'payload' }, { '!get': 'payload' }],
      options: { maxRetries: 1, baseDelayMs: 0 },
    },
    { append: { '/seen': 'after' } },
    { wait: 'pause', seconds: WAIT_SECONDS },
    { assign: { seen: { '!get': 'state/seen' }, payload: { deep: { '!get': 'state/payload' } } } },
    { step: 'last', sleepsMs: TURN_MS },
    { return: { '!get': 'results' } },
  ],
};

/** A random workflow as data: the same pieces, with what each changes in the state worked out. */
export function toScript(pieces: readonly Piece[], id: string): WorkflowScript {
  const writer = new Writer();
  const list = writer.branch(pieces, 'k');
  return {
    id,
    do: [...list, { return: { '!get': 'results' } }],
    // Any other failure ends it.
    maxRetries: writer.stumbles,
    baseDelayMs: 1,
    maxDelayMs: 1,
  };
}

/** What an execution of one begins with. */
export const FIRST_STATE = { own: {}, marks: {}, log: [] };

class Writer {
  /** Pieces at which the handler throws: the first at the first try, the second at the first two, .. */
  stumbles = 0;
  /** Each branch's own part of the state, which no other branch touches, as it is after what was written so far. */
  readonly #own = new Map<string, Record<string, unknown>>();

  branch(pieces: readonly Piece[], branch: string): Instruction[] {
    return pieces.flatMap((piece, index) => this.#piece(piece, { branch, key: `${branch}.${index}` }));
  }

  #piece(
    piece: Piece,
    { branch, key }: { readonly branch: string; readonly key: string },
  ): readonly Instruction[] {
    switch (piece.type) {
      case 'edit':
        return this.#edit(branch, key);
      case 'replace': {
        const names = Object.keys(FIRST_STATE);
        const same = names.map((name) => [name, { '!get': `state/${name}` }]);
        return [{ assign: Object.fromEntries(same) }, ...this.#edit(branch, key)];
      }
      case 'step':
        return [attempted(piece, key, [])];
      case 'stepEdit': {
        const before = structuredClone(this.#own.get(branch));
        const changes = [
          ...(piece.assigns ? [{ assign: { '!get': 'state' } }] : []),
          { set: { [pointer(['marks', key])]: 1 } },
          { append: { '/log': key } },
          ...this.#edit(branch, key),
        ];
        // A step that fails leaves no trace.
        if (piece.fails > 1) {
          if (before) this.#own.set(branch, before);
          else this.#own.delete(branch);
        }
        return [attempted(piece, key, changes)];
      }
      case 'event':
        return [{ publishEvent: key, type: 'said', data: { key, own: [{ key }] } }];
      case 'child':
        return [{ child: key, workflow: CHILD, payload: { key, list: [key.length] } }];
      case 'wait':
        return [{ wait: key, seconds: WAIT_SECONDS }];
      case 'suspend':
        return [{ suspend: key }];
      case 'stumble':
        this.stumbles += 1;
        return [{ throw: { type: FAILURE, message: `stumbled at ${key}` }, attempts: this.stumbles }];
      case 'loop':
        return Array.from({ length: piece.times }, (_, time) =>
          this.branch(piece.body, `${key}#${time}`),
        ).flat();
      case 'parallel':
        return [{ parallel: piece.branches.map((each, at) => this.branch(each, `${key}/${at}`)), as: key }];
    }
  }

  #edit(branch: string, key: string): Instruction[] {
    const place = ['own', branch];
    const known = this.#own.get(branch);
    const own = known ?? newOwn();
    this.#own.set(branch, own);
    const first = known ? [] : [{ set: { [pointer(place)]: newOwn() } }];
    return [...first, ...edit(own, key).map((change) => toInstruction(change, place))];
  }
}

function toInstruction({ verb, path, value }: Change, place: readonly string[]): Instruction {
  const at = pointer([...place, ...path]);
  return { [verb]: verb === 'remove' ? at : { [at]: value } };
}

/** A step of which the first attempts fail; the handler catches its error. */
function attempted(
  { turns, fails }: { readonly turns: number; readonly fails: number },
  key: string,
  changes: readonly Instruction[],
): Instruction {
  const step = {
    step: key,
    do: changes,
    sleepsMs: turns * TURN_MS,
    ...(fails > 0 && { fails: { type: FAILURE, message: `failure of ${key}`, attempts: fails } }),
    returns: { key, turns },
    options: { maxRetries: 1, baseDelayMs: 0 },
  };
  const note = { set: { [pointer(['own', `error ${key}`])]: { '!get': 'error/message' } } };
  return { try: [step], catch: [note] };
}

function pointer(path: readonly string[]): string {
  return path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
