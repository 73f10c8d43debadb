import { create } from '@bufbuild/protobuf';
import { ResultConflictError } from './api-errors.js';
import type { StateMigrated } from './gen/polos/v1/command_pb.js';
import { StepKind, type StepRecord, StepRecordSchema, StepStatus } from './gen/polos/v1/step_pb.js';
import type { JsonObject } from './state/json.js';
import { applyPatch, type PatchOperation } from './state/patch.js';

/** The state of an execution as the server keeps it. */
export class FakeState {
  /** After each revision, as text; the first is revision 1. */
  readonly revisions: string[];
  /** The version of its form. */
  version = 1;
  isUnsettled = false;
  /** Whether a worker has committed anything yet. */
  isBegun = false;

  constructor(initial: string) {
    this.revisions = [initial || '{}'];
  }

  get text(): string {
    return this.revisions.at(-1) ?? '{}';
  }

  /** What a worker's command says. */
  change(
    baseRevision: bigint,
    change: { case: 'patch' | 'document'; value: string } | { case: undefined; value?: undefined },
  ): void {
    this.#assertLatest(baseRevision);
    if (change.case === 'document') this.revisions.push(change.value);
    else if (change.case === 'patch') this.#patch(JSON.parse(change.value));
  }

  /** An operator's change; answers its record. */
  repair(patch: readonly PatchOperation[], sequence: number): StepRecord {
    this.#patch(structuredClone([...patch]));
    return this.#record({ kind: StepKind.STATE_REPAIR, statePatch: JSON.stringify(patch) }, sequence);
  }

  /** A worker's migration; answers its record. */
  migrate({ baseRevision, fromVersion, toVersion, document }: StateMigrated, sequence: number): StepRecord {
    this.#assertLatest(baseRevision);
    if (fromVersion !== this.version) throw new ResultConflictError('another version');
    this.version = toVersion;
    this.revisions.push(document);
    const statePatch = `[{"op":"replace","path":"","value":${document}}]`;
    const versions = { fromStateVersion: fromVersion, toStateVersion: toVersion };
    return this.#record({ kind: StepKind.STATE_MIGRATION, statePatch, ...versions }, sequence);
  }

  #patch(patch: PatchOperation[]): void {
    this.revisions.push(JSON.stringify(applyPatch(JSON.parse(this.text) as JsonObject, patch)));
  }

  #record(fields: Partial<Pick<StepRecord, 'kind' | 'statePatch'>>, sequence: number): StepRecord {
    this.isUnsettled ||= !this.isBegun;
    const place = { sequence: BigInt(sequence), beforeCode: this.isUnsettled, status: StepStatus.COMPLETED };
    return create(StepRecordSchema, { ...fields, ...place });
  }

  #assertLatest(revision: bigint): void {
    if (revision !== BigInt(this.revisions.length)) throw new ResultConflictError('another base revision');
  }
}
