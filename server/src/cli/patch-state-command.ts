import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Call, OutputOption, RunCall } from './call.js';
import { readJsonArgument } from './json-argument.js';
import { outputOption, parseInteger, parseText } from './options.js';
import { firstDifference, patchBetween } from './state-undo.js';
import { CommandError, ExitStatus, UsageError } from './usage-error.js';

/** Adds `execution patch-state`. */
export function addPatchStateCommand(group: Command, runCall: RunCall): void {
  group
    .command('patch-state')
    .summary('repair the state of an execution that no worker holds')
    .description(
      'Changes the state of an execution that is queued, waits or is paused, and records why and who. Its code gets the ' +
        'change at its place on every replay. It wakes nothing: pause, patch-state, unpause. --undo takes back what one ' +
        'revision changed, if nothing has changed the same places since. Safe to repeat with --expected-revision.',
    )
    .argument('<execution>', "the execution's id")
    .option('--patch <json>', 'a JSON Patch of add, replace and remove: JSON, @FILE, or - for stdin')
    .option('--undo <revision>', 'take back what this revision changed', parseInteger(REVISIONS))
    .option(
      '--expected-revision <number>',
      'what must be the latest revision: the one that you looked at (needed with --patch)',
      parseInteger(REVISIONS),
    )
    .requiredOption('--reason <text>', 'why, for whoever reads the revisions', parseText)
    .option('--author <name>', 'who makes it (default: your user name on this machine)', parseText)
    .addOption(outputOption())
    .action((id: string, options: PatchOptions) => runCall(options, (call) => patchState(call, id, options)));
}

interface PatchOptions extends OutputOption {
  readonly patch?: string;
  readonly undo?: number;
  readonly expectedRevision?: number;
  readonly reason: string;
  readonly author?: string;
}

/** A patch and the revision that it is against. */
interface Repair {
  readonly patch: string;
  readonly expectedRevision: number;
}

const REVISIONS = { from: 1, to: Number.MAX_SAFE_INTEGER };

async function patchState(call: Call, executionId: string, options: PatchOptions): Promise<ExitStatus> {
  const { reason, author = userInfo().username } = options;
  const { patch, expectedRevision } = await repairOf(call, executionId, options);
  const fields = { executionId, expectedRevision: BigInt(expectedRevision), patch, reason, author };
  const revision = Number((await call.client.patchState(fields)).revision);
  call.answer({ executionId, revision }, () => `the state is at revision ${revision}`);
  return ExitStatus.done;
}

async function repairOf(call: Call, executionId: string, options: PatchOptions): Promise<Repair> {
  const { patch, undo, expectedRevision } = options;
  if ((patch === undefined) === (undo === undefined)) throw new UsageError('give either --patch or --undo');
  if (undo !== undefined) return undoing(call, { executionId, undo, expectedRevision });
  if (expectedRevision === undefined) throw new UsageError('--patch needs --expected-revision');
  return { patch: await readJsonArgument('--patch', patch ?? ''), expectedRevision };
}

async function undoing(
  { client }: Call,
  asked: { executionId: string; undo: number; expectedRevision: number | undefined },
): Promise<Repair> {
  const { executionId, undo } = asked;
  if (undo === 1) throw new UsageError('revision 1 is the state that the execution was created with');
  const read = async (revision: number | undefined) => {
    const at = revision !== undefined && { at: { case: 'revision' as const, value: BigInt(revision) } };
    const { state } = await client.getState({ executionId, ...at });
    return { document: JSON.parse(state?.json ?? '{}'), revision: Number(state?.revision) };
  };
  const [before, after, latest] = await Promise.all([
    read(undo - 1),
    read(undo),
    read(asked.expectedRevision),
  ]);
  const patch = patchBetween(after.document, before.document);
  const place = firstDifference(patch, after.document, latest.document);
  if (place !== undefined) {
    throw new CommandError(
      `"${place}" was changed again since revision ${undo}; say with --patch what it should be`,
    );
  }
  return { patch: JSON.stringify(patch), expectedRevision: latest.revision };
}
