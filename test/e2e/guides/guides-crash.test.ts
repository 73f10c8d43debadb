import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PolosClient } from '@polos/sdk';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ServerProgram } from '../../fault/processes.js';
import { need } from '../clients-server.js';
import { EXPECTED } from './expected.js';
import { type Example, examplesOf, type Said } from './guide.js';
import { LANGUAGES } from './languages.js';
import { outcomesOf } from './outcome.js';
import { prepare, start, type Where } from './running.js';

vi.setConfig({ testTimeout: 300_000 });

/** Long enough for a worker that the machine keeps waiting, short enough to wait for a dead one. */
const LEASE_MS = 5_000;

test.for(LANGUAGES)(
  'in $name a trip goes on being undone after kill -9, and no call is made twice',
  async (language, context) => {
    need(language.tool, context);
    const example = examplesOf(language.page).find(({ section }) => section === 'Compensation') as Example;
    const [asWorker, asClient] = example.commands as [Said, Said];
    const project = await prepare(language, [example]);
    onTestFinished(() => project.remove());
    const server = await ServerProgram.start({ leaseMs: LEASE_MS });
    const where = { url: server.url, projectId: language.name };

    // A pipe that nobody reads holds up the call that cancels the flight, until its worker is dead.
    const bookings = join(project.folder, 'bookings');
    const obstacle = join(bookings, 'cancel-flight.txt');
    mkdirSync(bookings);
    execFileSync('mkfifo', [obstacle]);

    const first = start({ project, ...asWorker }, where);
    const client = start({ project, ...asClient }, where);
    await first.line(/^cancel-hotel$/);
    const executionId = await recorded(where, 'cancel_hotel');
    await first.end('SIGKILL');
    rmSync(obstacle);

    const second = start({ project, ...asWorker }, where);
    const { status, stdout, stderr } = await client.end();
    expect({ status, lines: stdout.split('\n') }, stderr).toEqual({ status: 0, lines: asClient.lines });
    expect((await second.end('SIGTERM')).status).toBe(0);

    expect(first.lines).toEqual(asWorker.lines.slice(0, -1));
    expect(second.lines).toEqual(asWorker.lines.slice(-1));
    const calls = readdirSync(bookings).map((name) => [name, readFileSync(join(bookings, name), 'utf8')]);
    expect(calls.sort()).toEqual(asWorker.lines.map((what) => [`${what}.txt`, `${executionId}\n`]).sort());

    const { trip: [trip] = [] } = await outcomesOf(where);
    const [expected] = EXPECTED.Compensation?.trip ?? [];
    const events = trip?.events.filter((event) => event !== 'worker_lost');
    expect({ ...trip, events }).toEqual(expected);
    expect(trip?.events).toContain('worker_lost');
  },
);

/** Waits until a step of the only execution has its result. @returns the execution's id. */
async function recorded({ url, projectId }: Where, stepKey: string): Promise<string> {
  const client = new PolosClient({ apiUrl: url, projectId });
  onTestFinished(() => client.close());
  for await (const { id } of client.listExecutions()) {
    for await (const event of client.getHandle(id).events()) {
      if (event.type === 'step_finish' && event.stepKey === stepKey) return id;
    }
  }
  throw new Error(`no execution has finished ${stepKey}`);
}
