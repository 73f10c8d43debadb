import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Command } from './command.js';
import { COMMAND_TYPES } from './command.js';
import type { Decision, Snapshot } from './decision.js';
import { EVENT_TYPES } from './event.js';
import { EXECUTION_STATUSES } from './execution.js';
import { addFacts, type StepRecord } from './step.js';
import { read } from './transcript-commands.mjs';
import { written } from './transcript-lines.mjs';
import { transition } from './transition.js';

// A transcript is a conversation with one execution. `## sentence` begins a scenario; `@time command` is a command, `+`
// lines below it are the actions of a completion; the indented lines are what `transition` decided. Leases have the
// tokens t1, t2, ..., which are also what a command sends if it does not say otherwise. UPDATE_TRANSCRIPTS=1 rewrites the
// indented lines.

const FOLDER = join(import.meta.dirname, 'testdata');
const seen = new Set<string>();

for (const file of readdirSync(FOLDER).sort()) {
  describe(file, () => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    const scenarios = text.split(/^(?=## )/m);
    const played = scenarios.map(play);
    if (process.env.UPDATE_TRANSCRIPTS) writeFileSync(join(FOLDER, file), played.join(''));
    for (const [index, scenario] of scenarios.entries()) {
      const name = scenario.startsWith('## ') ? scenario.slice(3, scenario.indexOf('\n')) : undefined;
      if (name)
        test(name, () =>
          expect(played[index]).toBe(process.env.UPDATE_TRANSCRIPTS ? played[index] : scenario),
        );
    }
  });
}

const cells = ['(none)', ...EXECUTION_STATUSES].flatMap((status) =>
  COMMAND_TYPES.map((command) => `${command} x ${status}`),
);
const rejections = [
  'already_exists',
  'not_found',
  'not_ready',
  'lease_lost',
  'lease_forged',
  'sequence_gap',
].concat([
  'result_conflict',
  'closed',
  'state_refused',
  'running',
  'worker_too_old',
  'state_revision_conflict',
  'not_cancelled',
  'malformed',
  'limit',
]);
const actions = ['record_step', 'start_child', 'accept_outcome', 'change_state', 'complete_execution'].concat(
  ['fail_execution', 'suspend_execution', 'cancel_execution', 'await_timer', 'await_resume', 'publish_event'],
  ['start_children', 'await_event', 'send_resume', 'migrate_state', 'park_execution'],
);
const effects = ['ready', 'lease_revoked', 'cancel_requested', 'outcome_arrived', 'outbox'];

test.each([
  ...cells,
  ...rejections.map((type) => `rejection ${type}`),
  ...actions.map((type) => `action ${type}`),
  ...effects.map((type) => `effect ${type}`),
  ...EVENT_TYPES.map((type) => `event ${type}`),
])('the transcripts show: %s', (what) => {
  expect(seen).toContain(what);
});

/** The text of a scenario with what is decided now. */
function play(scenario: string): string {
  let snapshot: Snapshot | undefined;
  const steps = new Map<string, StepRecord>();
  const lines = scenario.split('\n').filter((line) => !line.startsWith('  '));
  return lines
    .flatMap((line, index) => {
      const next = lines[index + 1] ?? '';
      if (line.startsWith('+ ') && next.startsWith('+ ')) return [line];
      const first = lines.slice(0, index + 1).findLastIndex((each) => each.startsWith('@'));
      const isEnd = (line.startsWith('@') || line.startsWith('+ ')) && !next.startsWith('+ ');
      if (!isEnd) return [line];
      const command = read(lines[first] as string, lines.slice(first + 1, index + 1), { snapshot, steps });
      const decision = transition(snapshot, command.command, command.offer);
      note(snapshot, command.command, decision);
      if (decision.type === 'commit') {
        snapshot = decision.next;
        if (decision.entry) addFacts(steps, decision.entry);
      }
      return [line, ...written(decision).map((each) => `  ${each}`)];
    })
    .join('\n');
}

function note(snapshot: Snapshot | undefined, command: Command, decision: Decision): void {
  seen.add(`${command.type} x ${snapshot?.execution.status ?? '(none)'}`);
  if (command.type === 'complete' && decision.type === 'commit') {
    for (const action of command.actions) seen.add(`action ${action.type}`);
  }
  if (decision.type === 'rejected') seen.add(`rejection ${decision.rejection.type}`);
  if (decision.type !== 'commit') return;
  for (const event of decision.entry?.events ?? []) seen.add(`event ${event.type}`);
  for (const effect of decision.effects) seen.add(`effect ${effect.type}`);
}
