import { join } from 'node:path';
import { expect } from 'vitest';
import { root, runProgram } from './cli-process.js';

/** Building what is not built yet takes its time. */
export const BUILD_MS = 120_000;

const BUILD = `
  const { buildPrograms, setup } = await import(process.argv[1]);
  await setup();
  await buildPrograms('examples', 'examples/dist/approval/main.js');`;

/** Builds the programs of examples/ unless they are built. */
export async function buildExamples(): Promise<void> {
  const scripts = new URL('../../scripts/setup.mjs', import.meta.url).href;
  const built = await runProgram(['--input-type=module', '--eval', BUILD, scripts]);
  expect(built).toMatchObject({ status: 0, stderr: '' });
}

/** The path of an example's program. */
export function exampleProgram(example: string): string {
  return join(root, 'examples/dist', example, 'main.js');
}
