import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes. One that began last would run alone in the end. */
const LONG = [
  'conformance',
  'mixed',
  'mongo-faults',
  'simulation',
  'python-sdk',
  'round-trips',
  'load',
  'killed-workflows',
];

class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return LONG.some((name) => moduleId.endsWith(`/${name}.test.ts`));
}

// Two workers, because tests in test/fault and test/e2e start processes of their own beside them.
export default defineConfig({
  test: {
    include: ['server/src/**/*.test.ts', 'clients/typescript/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/mongodb/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongOnesFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
