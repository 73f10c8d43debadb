import { parseArgs } from 'node:util';
import { type HomeName, Homes } from './home.js';
import { printLoad } from './load-table.js';
import { printSchemas } from './schemas-table.js';
import { printSearch } from './search-table.js';
import { printState } from './state-table.js';
import { printVocabulary } from './vocabulary-table.js';

const { values } = parseArgs({
  options: {
    /**
     * What to measure: load (executions and steps for each second), vocabulary (what each part of it costs), state (what its
     * size costs, and the way to readers), search (pages of lists, and what fields that are indexed add to a step) or schemas
     * (what those of others cost the server).
     */
    table: { type: 'string', default: 'load' },
    /** Seconds for each row of the table `load`. */
    seconds: { type: 'string', default: '4' },
    /** Executions in the store while states are read: the table `state`. */
    executions: { type: 'string' },
    /** Only rows whose name holds this text. */
    only: { type: 'string', default: '' },
    /** Where servers keep their data, separated by commas: embedded, mongodb-1, mongodb-3 (replica sets of so many). */
    homes: { type: 'string', default: 'embedded' },
  },
});

const TABLES = {
  load: printLoad,
  vocabulary: printVocabulary,
  state: printState,
  search: printSearch,
  schemas: printSchemas,
};

const print = TABLES[values.table as keyof typeof TABLES];
if (!print)
  throw new Error(`there is no table "${values.table}"; there are ${Object.keys(TABLES).join(', ')}`);
const homes = new Homes();
try {
  const homeNames = values.homes.split(',') as HomeName[];
  const executions = values.executions === undefined ? undefined : Number(values.executions);
  await print({ homes, homeNames, seconds: Number(values.seconds), only: values.only, executions });
} finally {
  await homes.stop();
}
