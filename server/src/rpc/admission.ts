import { createHash, timingSafeEqual } from 'node:crypto';
import { invalidField } from './refusals.js';
import { Code, RpcError } from './status.js';

/** Decides who may call and for which project. */
export interface Admission {
  /** Whether a key is asked for. */
  readonly hasKeys: boolean;
  /**
   * @param authorization  the header of that name, if there is one.
   * @param projectId      the header `x-project-id`, if there is one.
   * @returns the project; throws RpcError for everybody else.
   */
  admit(authorization: string | undefined, projectId: string | undefined): string;
}

/** Without any key everything is open. */
export function createAdmission(apiKeys: readonly string[]): Admission {
  const known = apiKeys.map(fingerprint);
  return {
    hasKeys: known.length > 0,
    admit(authorization, projectId = DEFAULT_PROJECT) {
      if (known.length > 0) authenticate(authorization, known);
      if (!PROJECT_ID.test(projectId)) {
        throw invalidField('x-project-id', 'a project id is 1 to 200 of A-Z a-z 0-9 . _ and -');
      }
      return projectId;
    },
  };
}

const DEFAULT_PROJECT = 'default';
const PROJECT_ID = /^[A-Za-z0-9._-]{1,200}$/;
const BEARER = /^bearer +(\S+) *$/i;

function authenticate(authorization: string | undefined, known: readonly Buffer[]): void {
  const key = BEARER.exec(authorization ?? '')?.[1];
  if (key === undefined) {
    throw new RpcError(
      Code.unauthenticated,
      'an API key is needed: send the header `authorization: Bearer KEY`',
    );
  }
  const sent = fingerprint(key);
  // Every key is compared, and digests of one length: the time taken tells nothing about a key.
  const matches = known.filter((candidate) => timingSafeEqual(candidate, sent));
  if (matches.length === 0)
    throw new RpcError(Code.unauthenticated, 'the API key is not known to this server');
}

function fingerprint(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
