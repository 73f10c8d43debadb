import fc from 'fast-check';
import { isJsonObject, type JsonObject, type JsonValue } from '../../server/src/core/json.js';
import { pointerSegment } from '../../server/src/core/json-pointer.js';
import { applyPatch, type PatchOperation, replaceAll } from '../../server/src/core/state-document.js';
import { Random } from '../simulation/random.js';
import { jsonObject, jsonValue, member } from './documents.js';

/** What one execution carries, and must bring back as it was. */
export interface Luggage {
  readonly key: string;
  readonly payload: JsonValue;
  readonly initialState: JsonObject;
  readonly stops: readonly Stop[];
  readonly result: JsonValue;
}

/** One step, the changes of the state before it and within it, and an event after it. */
export interface Stop {
  readonly before: Change;
  readonly within: Change;
  readonly result: JsonValue;
  readonly event: JsonValue;
}

/** A change of the state: what it becomes, and the patch that says so. */
export interface Change {
  readonly patch: readonly PatchOperation[];
  readonly state: JsonObject;
}

const STOPS = 4;
/** Generated values in each payload, result and event, members put into the state at each change, objects for states. */
const VALUES = 10;
const MEMBERS = 3;
const OBJECTS = 10;

/** Generated documents in one luggage. */
export const DOCUMENTS_EACH = VALUES * (2 + 2 * STOPS) + MEMBERS * 2 * STOPS + OBJECTS;

/** Packs luggage by a seed: the same for the same seed. */
export function pack(key: string, seed: number): Luggage {
  const random = new Random(seed);
  const values = fc.sample(jsonValue, { seed, numRuns: VALUES * (2 + 2 * STOPS) });
  const members = fc.sample(member, { seed: seed + 1, numRuns: MEMBERS * 2 * STOPS });
  const objects = fc.sample(jsonObject, { seed: seed + 2, numRuns: OBJECTS });
  const some = () => values.splice(0, VALUES);
  let state: JsonObject = { ...objects.pop(), objects: objects.slice(STOPS) };
  const initialState = state;
  const change = (): Change => {
    const made = changed(state, { members: members.splice(0, MEMBERS), whole: objects.pop() }, random);
    state = made.state;
    return made;
  };
  const stops = Array.from({ length: STOPS }, (): Stop => {
    return { before: change(), within: change(), result: some(), event: some() };
  });
  return { key, payload: some(), initialState, stops, result: some() };
}

/**
 * A state after some edits, with the patch that makes them: each member is put somewhere, in place of something or beside it.
 * Now and then it is another state altogether.
 */
function changed(
  state: JsonObject,
  {
    members,
    whole,
  }: { readonly members: readonly (readonly [string, JsonValue])[]; readonly whole: JsonObject | undefined },
  random: Random,
): Change {
  if (whole && random.chance(0.15)) return { patch: replaceAll(whole), state: whole };
  const patch: PatchOperation[] = [];
  let document = { value: state, bytes: 0 };
  for (const [key, value] of members) {
    const operation = edit(document.value, { key, value }, random);
    const applied = applyPatch(document, [operation]);
    if ('problem' in applied) throw new Error(`an edit does not fit: ${JSON.stringify(applied.problem)}`);
    document = applied.document;
    patch.push(operation);
  }
  return { patch, state: document.value };
}

function edit(
  state: JsonObject,
  { key, value }: { readonly key: string; readonly value: JsonValue },
  random: Random,
): PatchOperation {
  let container: JsonObject | readonly JsonValue[] = state;
  let path = '';
  while (random.chance(0.7)) {
    const inside = Object.entries(container).filter(
      ([, inner]) => typeof inner === 'object' && inner !== null,
    );
    if (inside.length === 0) break;
    const [name, inner] = random.pick(inside);
    path += pointerSegment(name);
    container = inner as typeof container;
  }
  const names = Object.keys(container);
  const isRemoval = random.chance(0.25) && names.length > 0;
  if (isRemoval) return { op: 'remove', path: path + pointerSegment(random.pick(names)) };
  if (names.length > 0 && random.chance(0.3)) {
    return { op: 'replace', path: path + pointerSegment(random.pick(names)), value };
  }
  if (isJsonObject(container)) return { op: 'add', path: path + pointerSegment(key), value };
  return { op: 'add', path: `${path}/${random.pick(['-', `${random.between(0, names.length)}`])}`, value };
}
