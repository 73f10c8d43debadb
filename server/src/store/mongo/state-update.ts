import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.js';
import { pointerSegments } from '../../core/json-pointer.js';
import type { PatchOperation } from '../../core/state-document.js';
import { toBson } from './bson-values.js';
import { toFieldName } from './field-names.js';
import type { StateChange } from './state-place.js';
import { toStateText } from './state-text.js';

/** More places than this are not worth their paths: the whole state is written. */
const PLACES_MAX = 32;
const OPERATIONS_MAX = 256;

/** A place in a state: the keys and indexes that lead there. */
type Place = readonly string[];

/** Fields to be set and removed so that the stored state becomes the new one. */
export interface StateUpdate {
  readonly set: Readonly<Record<string, unknown>>;
  readonly unset: readonly string[];
}

/** How the fields of a state become what a commit makes of it. A creation only sets. */
export function updateOf(change: StateChange, patch: readonly PatchOperation[] | undefined): StateUpdate {
  switch (change.type) {
    case 'none':
      return { set: {}, unset: [] };
    case 'touched':
      return stateUpdate(change.state, patch);
    case 'within':
      return { ...stateUpdate(change.state, undefined), unset: ['stateText', 'stateBase'] };
    case 'text':
      return {
        set: { stateText: toStateText(JSON.stringify(change.state)) },
        unset: ['state', 'stateBase'],
      };
    case 'patch': {
      const { lag, patchedTo } = change.base;
      return { set: { 'stateBase.lag': lag, 'stateBase.patchedTo': patchedTo }, unset: [] };
    }
    case 'base':
      return { set: { stateBase: change.base }, unset: ['state', 'stateText'] };
  }
}

/**
 * How the field `state` becomes a new state. Where a patch says how that came from the stored one, only the places that
 * it touched are written; each gets what the new state holds there, so that the order of the operations does not matter.
 *
 * A path of MongoDB's says `a.0` for a member "0" as well as for an element 0: which it is depends on what is stored. That
 * is safe here, because everything above a touched place is untouched, and so of the same shape as in the new state.
 */
export function stateUpdate(state: JsonObject, patch: readonly PatchOperation[] | undefined): StateUpdate {
  const places = patch && touchedPlaces(state, patch);
  if (!places) return { set: { state: toBson(state) }, unset: [] };
  const set: Record<string, unknown> = {};
  const unset: string[] = [];
  for (const place of places) {
    const field = `state.${place.map(toFieldName).join('.')}`;
    const value = valueAt(state, place);
    if (value === undefined) unset.push(field);
    else set[field] = toBson(value);
  }
  return { set, unset };
}

/** The places outside of which nothing changed, none within another; undefined if the whole has to be written. */
function touchedPlaces(state: JsonObject, patch: readonly PatchOperation[]): readonly Place[] | undefined {
  if (patch.length > OPERATIONS_MAX) return undefined;
  const places = new Map<string, Place>();
  const toCome = changesOfLength(state, patch);
  for (const operation of patch) {
    const place = placeOf(operation, state, toCome);
    if (place.length === 0) return undefined;
    places.set(keyOf(place), place);
  }
  const outermost = [...places.values()].filter((place) => !isWithinAnother(place, places));
  const areKnown = outermost.every((place) => isContainer(valueAt(state, place.slice(0, -1))));
  return areKnown && outermost.length <= PLACES_MAX ? outermost : undefined;
}

/** How many operations make an array longer or shorter, by the place of the array. */
function changesOfLength(state: JsonObject, patch: readonly PatchOperation[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { op, path } of patch) {
    const parent = segmentsOf(path).slice(0, -1);
    if (op === 'replace' || !Array.isArray(valueAt(state, parent))) continue;
    counts.set(keyOf(parent), (counts.get(keyOf(parent)) ?? 0) + 1);
  }
  return counts;
}

/**
 * The place that an operation touched. An element that is put into an array, or taken out, moves those behind it: that
 * touches the whole array, unless it is appended. It is, if the array would end with it but for what is added later; that
 * is a wrong guess only where some other operation touches the whole array anyway.
 * @param toCome  see `changesOfLength`; counted down from one operation to the next.
 */
function placeOf({ op, path }: PatchOperation, state: JsonObject, toCome: Map<string, number>): Place {
  const segments = segmentsOf(path);
  const parent = segments.slice(0, -1);
  const left = op === 'replace' ? undefined : toCome.get(keyOf(parent));
  const array = valueAt(state, parent);
  if (left === undefined || !Array.isArray(array)) return segments;
  toCome.set(keyOf(parent), left - 1);
  const end = String(array.length - left);
  const last = segments.at(-1);
  return op === 'add' && (last === '-' || last === end) ? [...parent, end] : parent;
}

function isWithinAnother(place: Place, places: ReadonlyMap<string, Place>): boolean {
  for (let length = 1; length < place.length; length++) {
    if (places.has(keyOf(place.slice(0, length)))) return true;
  }
  return false;
}

function keyOf(place: Place): string {
  return JSON.stringify(place);
}

/** Of the path of a patch that was applied. */
function segmentsOf(path: string): Place {
  return pointerSegments(path) ?? [];
}

function isContainer(value: JsonValue | undefined): boolean {
  return typeof value === 'object' && value !== null;
}

function valueAt(state: JsonObject, place: Place): JsonValue | undefined {
  let value: JsonValue | undefined = state;
  for (const segment of place) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else if (isJsonObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}
