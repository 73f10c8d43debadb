import type { PatchOperation } from '../core/state-document.js';

/** Which revision of a state. */
export type StatePoint = { readonly revision: number } | { readonly time: number };

/** Where in an execution's revisions to begin: 0 for the latest document. */
export interface StateCursor {
  readonly afterRevision: number;
  readonly signal: AbortSignal;
}

/** What whoever watches a state is told: the document to begin with, then what changed. */
export type StateNews =
  | { readonly type: 'document'; readonly state: StateView }
  | { readonly type: 'revisions'; readonly revisions: readonly StateRevision[] };

/** One change of a state. */
export interface StateRevision {
  readonly revision: number;
  readonly patch: readonly PatchOperation[];
  readonly at: number;
  /** The last step whose outcome came with it, if one did. */
  readonly stepKey?: string;
  /** Why and by whom it was made, if an operator made it. */
  readonly repair?: { readonly reason: string; readonly author: string };
  /** From which version of its form to which, if it was a migration. */
  readonly migration?: { readonly fromVersion: number; readonly toVersion: number };
}

/** A change of a state in an operator's name. */
export interface StateRepair {
  /** The revision that it is against, which must be the latest. */
  readonly expectedRevision: number;
  readonly patch: readonly PatchOperation[];
  /** Of the patch, to tell a repetition from another repair. */
  readonly digest: string;
  readonly reason: string;
  readonly author: string;
}

/** Some revisions, oldest first. */
export interface StateRevisionPage {
  readonly revisions: readonly StateRevision[];
  /** The last of them, if there are more; undefined at the end. */
  readonly next?: number;
}

/** A state document at one revision. */
export interface StateView {
  readonly json: string;
  readonly revision: number;
  readonly updatedAt: number;
  readonly bytes: number;
  readonly final: boolean;
}
