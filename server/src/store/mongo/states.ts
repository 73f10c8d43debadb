import type { Execution } from '../../core/execution.js';
import type { JsonObject } from '../../core/json.js';
import { LARGE_STATE_BYTES, withPatches } from '../large-states.js';
import { RecentMap } from '../recent-map.js';
import { type Connection, QUERY_MS_MAX } from './connection.js';
import { type CommitToken, isSameToken } from './entry-document.js';
import { untilAnswered } from './faults.js';
import { Gathering } from './gathering.js';
import type { Journal } from './journal.js';
import { placeAfter, type StateBase, type StateChange, type StatePlace } from './state-place.js';
import { fromStateText, toStateText } from './state-text.js';

/** Executions of which it is remembered where their state is: more than run at a time. About 300 bytes each. */
const PLACES = 8_192;

/** A large state as it was after one commit. Nothing ever changes one; see `StateBase`. */
export interface StateDocument {
  readonly _id: { readonly execution: string; readonly by: string; readonly number: number };
  readonly execution: string;
  /** See state-text.ts. */
  readonly text: Uint8Array;
}

/** What was found out of where a state is, and at which version of its execution. */
interface KnownPlace {
  readonly version: number;
  readonly place: StatePlace;
}

/** A commit as far as it concerns a state. */
export interface StateCommit {
  readonly execution: Execution;
  readonly place: StatePlace;
  readonly change: StateChange;
}

/**
 * Large states, which are not in their execution's document: MongoDB would read and write all of that anew with each
 * change of one field. Each is written whole now and then, as a document that is there before the commit that refers to
 * it. So there is no moment at which a state is nowhere. The one before it is removed after that commit, and so is one whose
 * commit did not happen; what a server that dies leaves of either goes with its execution.
 */
export class States {
  private readonly connection: Connection;
  private readonly journal: Journal;
  private readonly places = new RecentMap<KnownPlace>(PLACES);
  private readonly removing = new Set<Promise<void>>();
  private readonly finds: Gathering<string, KnownPlace | undefined>;
  private readonly reads: Gathering<StateDocument['_id'], Uint8Array | undefined>;
  private readonly inserts: Gathering<StateDocument, undefined>;
  private readonly removals: Gathering<StateDocument['_id'], undefined>;

  constructor(connection: Connection, journal: Journal) {
    this.connection = connection;
    this.journal = journal;
    this.finds = new Gathering({
      askAll: (ids) => this.findAll(ids),
      doing: (id) => `look up where the state of ${id} is`,
    });
    this.reads = new Gathering({
      askAll: (names) => this.readAll(names),
      doing: ({ execution }) => `read the state of ${execution}`,
    });
    this.inserts = new Gathering({
      askAll: (documents) => connection.insertMissing(connection.states, documents),
      doing: ({ execution }) => `write the state of ${execution}`,
    });
    this.removals = new Gathering({
      askAll: (names) => this.removeAll(names),
      doing: ({ execution }) => `remove an old state of ${execution}`,
    });
  }

  /** Where the state of an execution is at a version; undefined if that is not its version any more. */
  placeOf({ id, version, stateBytes }: Execution): StatePlace | Promise<StatePlace | undefined> {
    if (stateBytes < LARGE_STATE_BYTES) return 'within';
    const known = this.places.get(id);
    return known?.version === version ? known.place : this.findPlace(id, version);
  }

  /** Takes note of what was read. */
  remember({ id, version, stateBytes }: Execution, place: StatePlace): void {
    if (stateBytes >= LARGE_STATE_BYTES) this.places.set(id, { version, place });
  }

  /** Writes a document of its own for a state, if the commit is to refer to one. It may be repeated. */
  async prepare({ execution, change }: StateCommit): Promise<void> {
    if (change.type !== 'base' || !change.base.commit) return;
    const _id = nameOf(execution.id, change.base.commit);
    const document = { _id, execution: execution.id, text: toStateText(JSON.stringify(change.state)) };
    await untilAnswered(() => this.inserts.ask(document));
  }

  /** Takes note of a commit that happened: the document that it no longer refers to is of no use. */
  committed({ execution, place, change }: StateCommit): void {
    const after = placeAfter(change, place);
    this.remember(execution, after);
    if (place === 'within' || !place.commit) return;
    const kept = after === 'within' ? undefined : after.commit;
    if (!isSameToken(kept, place.commit)) this.remove(execution.id, place.commit);
  }

  /** Takes note of a commit that did not happen, and never will. */
  dropped({ execution, change }: StateCommit): void {
    this.places.delete(execution.id);
    if (change.type === 'base' && change.base.commit) this.remove(execution.id, change.base.commit);
  }

  /** A state at a base; undefined if that is not there any more, or not all that came since. */
  async read(executionId: string, base: StateBase): Promise<JsonObject | undefined> {
    const { commit, event, patchedTo } = base;
    const [text, patches] = await Promise.all([
      commit ? this.readText(executionId, commit) : this.journal.initialState(executionId),
      patchedTo === event ? [] : this.journal.patches(executionId, { after: event, upTo: patchedTo }),
    ]);
    if (text === undefined || !patches) return undefined;
    const written = { value: JSON.parse(text), bytes: Buffer.byteLength(text) };
    return withPatches(written, patches)?.value;
  }

  /** Waits for what is being removed. */
  async settled(): Promise<void> {
    await Promise.all(this.removing);
  }

  private async readText(executionId: string, commit: CommitToken): Promise<string | undefined> {
    const text = await this.reads.ask(nameOf(executionId, commit));
    return text && fromStateText(text, `load ${executionId}`);
  }

  private async findPlace(id: string, version: number): Promise<StatePlace | undefined> {
    const found = await this.finds.ask(id);
    return found?.version === version ? found.place : undefined;
  }

  /** Once, and not at all where it fails: what stays behind goes with its execution. */
  private remove(executionId: string, commit: CommitToken): void {
    const removing = this.removals.ask(nameOf(executionId, commit)).then(
      () => {},
      () => {},
    );
    this.removing.add(removing);
    void removing.then(() => this.removing.delete(removing));
  }

  private findAll(ids: readonly string[]): Promise<readonly (KnownPlace | undefined)[]> {
    return this.connection.inSession(async (session) => {
      const options = { projection: { version: 1, stateBase: 1 }, session, maxTimeMS: QUERY_MS_MAX };
      const found = await this.connection.executions.find({ _id: { $in: [...ids] } }, options).toArray();
      const byId = new Map(found.map(({ _id, version, stateBase }) => [_id, { version, stateBase }]));
      return ids.map((id) => {
        const { version, stateBase = 'within' as const } = byId.get(id) ?? {};
        return version === undefined ? undefined : { version, place: stateBase };
      });
    });
  }

  private readAll(names: readonly StateDocument['_id'][]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.connection.inSession(async (session) => {
      const options = { batchSize: names.length + 1, promoteBuffers: true, session, maxTimeMS: QUERY_MS_MAX };
      const found = await this.connection.states.find(findNamed(names), options).toArray();
      const texts = new Map(found.map(({ _id, text }) => [keyOf(_id), text]));
      return names.map((name) => texts.get(keyOf(name)));
    });
  }

  private removeAll(names: readonly StateDocument['_id'][]): Promise<readonly undefined[]> {
    return this.connection.inSession(async (session) => {
      await this.connection.states.deleteMany(findNamed(names), { session });
      return names.map(() => undefined);
    });
  }
}

/** Names the shard key, too. */
function findNamed(names: readonly StateDocument['_id'][]) {
  return { _id: { $in: [...names] }, execution: { $in: names.map(({ execution }) => execution) } };
}

function nameOf(execution: string, { by, number }: CommitToken): StateDocument['_id'] {
  return { execution, by, number };
}

function keyOf({ execution, by, number }: StateDocument['_id']): string {
  return JSON.stringify([execution, by, number]);
}
