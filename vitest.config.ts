import { defineConfig } from 'vitest/config';

// Two workers, because tests in test/fault and test/e2e start processes of their own beside them.
export default defineConfig({
  test: {
    include: ['server/src/**/*.test.ts', 'clients/typescript/src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/mongodb/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
