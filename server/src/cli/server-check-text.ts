import type { PlannedPart, ServerCheck } from './server-check-command.js';
import { fieldList, table } from './table.js';
import type { Colors } from './terminal.js';

const TOPOLOGIES = {
  replica_set: 'replica set',
  sharded: 'sharded cluster',
  standalone: 'standalone',
  not_initiated: 'replica set that waits for rs.initiate()',
} as const;

const PARTS: Readonly<Record<PlannedPart['what'], readonly [one: string, many: string]>> = {
  collection: ['collection', 'collections'],
  index: ['index', 'indexes'],
  validator: ['validator', 'validators'],
};

/** What a check found, for people: what is there, what a server would make, and in the end `ok` or why not. */
export function checkText(check: ServerCheck, colors: Colors): string {
  const unmade = check.plan.filter(({ state }) => state !== 'present');
  return [
    factText(check),
    unmade.length === 0 ? '' : partTable(unmade),
    shardText(check.shardCommands),
    verdict(check, colors),
  ]
    .filter((block) => block !== '')
    .join('\n\n');
}

function factText({ address = '', deployment, layoutVersion, plan }: ServerCheck): string {
  if (deployment === undefined) return fieldList([['address', address]]);
  const { version, topology, setName = '', members, user } = deployment;
  const layout = layoutVersion === undefined ? 'none yet' : `version ${layoutVersion}`;
  return fieldList([
    ['address', address],
    ['version', version],
    ['topology', `${TOPOLOGIES[topology]} ${setName}`.trimEnd()],
    ['members', members.map((member) => `${member.address} (${member.role})`).join('\n')],
    ['user', user ?? 'none: this MongoDB lets everybody in'],
    ['layout', plan.length === 0 ? '' : layout],
  ]);
}

function partTable(parts: readonly PlannedPart[]): string {
  return table(parts, [
    { heading: 'WHAT', text: ({ what }) => what },
    { heading: 'NAME', text: ({ name }) => name },
    { heading: 'STATE', text: ({ state }) => state },
    {
      heading: 'AT START',
      text: ({ state, isMade }) => (isMade ? (state === 'missing' ? 'made' : 'replaced') : 'left'),
    },
  ]);
}

function shardText(commands: readonly string[]): string {
  if (commands.length === 0) return '';
  return ['not sharded, or not known to be; to spread them say in mongosh:', ...commands].join('\n');
}

function verdict({ refusals, plan }: ServerCheck, { green, red }: Colors): string {
  if (refusals.length > 0) return refusals.map(({ message }) => `${red('refused:')} ${message}`).join('\n');
  const made = Object.entries(PARTS).flatMap(([what, [one, many]]) => {
    const count = plan.filter((part) => part.what === what && part.isMade).length;
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  return `${green('ok:')} ${made.length === 0 ? 'nothing to do' : `a server that starts makes ${made.join(', ')}`}`;
}
