// `npm test [-- vitest arguments]`: sets up, runs the static checks and every suite.
// Its last line is `N passed, N failed`; each static check counts as one.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, run, runVisibly, tool } from './run.mjs';
import { reportFailure, setup } from './setup.mjs';
import { prepareToolChains } from './tool-chains.mjs';

const REPORT = join(root, '.cache', 'vitest.json');

const STATIC_CHECKS = [
  { name: 'biome check', program: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'buf lint', program: 'buf', args: ['lint'] },
  { name: 'tsc -b', program: 'tsc', args: ['-b'] },
  { name: 'package contents', program: 'publint', args: ['--strict', 'clients/typescript'] },
  {
    name: 'package types',
    program: 'attw',
    args: ['--pack', 'clients/typescript', '--profile', 'node16', '--format', 'ascii', '--no-emoji'],
  },
];

const counts = { passed: 0, failed: 0 };
try {
  await setup();
  const toolChains = check('tool chains', toolChainsAreThere);
  for (const { name, program, args } of STATIC_CHECKS) await check(name, () => run(tool(program), args));
  await toolChains;
  await runVitest(process.argv.slice(2));
} catch (error) {
  counts.failed += 1;
  reportFailure(error);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function check(name, work) {
  try {
    await work();
    counts.passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAIL  ${name}`);
    reportFailure(error);
  }
}

async function toolChainsAreThere() {
  const missing = await prepareToolChains();
  if (missing.length === 0) return;
  const message = `missing tool chains: ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(`${message} (all are required when CI=true)`);
  console.log(`${message}; the tests that need them are skipped`);
}

/** A vitest that fails without a failed test (a crash, an unhandled error, no test at all) counts as one failure. */
async function runVitest(args) {
  mkdirSync(dirname(REPORT), { recursive: true });
  rmSync(REPORT, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
  const status = await runVisibly(tool('vitest'), ['run', ...reporters, ...args]);
  const { passed, failed, skipped } = readReport();
  counts.passed += passed;
  counts.failed += failed;
  if (skipped > 0) console.log(`${skipped} tests skipped`);
  if (failed > 0 || (status === 0 && passed > 0)) return;
  counts.failed += 1;
  console.log(status === 0 ? 'FAIL  vitest ran no test' : `FAIL  vitest ended with status ${status}`);
}

/** Counts tests; a file that could not be loaded has none and counts as one failure. */
function readReport() {
  let report;
  try {
    report = JSON.parse(readFileSync(REPORT, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const statuses = report.testResults.flatMap((file) => file.assertionResults.map((test) => test.status));
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const passed = statuses.filter((status) => status === 'passed').length;
  const failed = statuses.filter((status) => status === 'failed').length + brokenFiles.length;
  return { passed, failed, skipped: statuses.length - passed - (failed - brokenFiles.length) };
}
