import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.js';
import { dataDirectory } from '../store-conformance/data-directory.js';
import { Program } from './processes.js';

const FILLING = fileURLToPath(new URL('programs/filling-store.mjs', import.meta.url));

/** Bytes that a file of the limited process may have. */
const FILE_BYTES_MAX = 6_000_000;

/** A limit on the size of files stands for a full disk: it needs no mount, and can be lifted while the process runs. */
const canLimit = spawnSync('prlimit', ['--version']).status === 0;

test.skipIf(!canLimit)(
  'when the disk is full, commits fail, nothing is lost, and with room they go on',
  async () => {
    const dataDir = await dataDirectory();
    const program = new Program(await limited(FILLING), [], { DATA_DIR: dataDir });
    await program.line('full');
    program.say('still no room');
    const failure = await program.line('after0a failed');
    expect(failure).toMatch(/failed true .*polos\.db: commit after0a: the disk/);
    await program.line('after0b failed');

    const pid = program.lines.find((line) => line.startsWith('pid '))?.slice(4) ?? '';
    execFileSync('prlimit', ['--pid', pid, '--fsize=unlimited']);
    program.say('room again');
    expect(await program.line('after1a')).toBe('after1a committed');
    expect(await program.line('after1b')).toBe('after1b committed');
    program.say('close');
    await program.line('closed');

    const committed = program.lines
      .filter((line) => line.endsWith(' committed'))
      .map((line) => line.split(' ')[0]);
    expect(committed.length).toBeGreaterThan(6);
    const store = await openEmbeddedStore({ dataDir });
    for (const id of committed) expect((await store.load(id!))?.state.text).toHaveLength(500_000);
    await store.close();
  },
);

/** A script that sets the soft limit for itself, says its process id, and then is the program. */
async function limited(program: string): Promise<string> {
  const script = join(await dataDirectory(), 'limited.mjs');
  const lines = [
    "import { execFileSync } from 'node:child_process';",
    `execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=${FILE_BYTES_MAX}:unlimited']);`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a program.
    'console.log(`pid ${process.pid}`);',
    `await import(${JSON.stringify(program)});`,
  ];
  writeFileSync(script, lines.join('\n'));
  return script;
}
