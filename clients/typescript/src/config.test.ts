import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PolosClient } from './client.js';
import { resolveConfig } from './config.js';
import { createExecutionId } from './execution-id.js';
import { SDK_VERSION } from './version.js';

describe('a configuration', () => {
  it('works with nothing set, against a local server', () => {
    expect(resolveConfig({}, {})).toEqual({
      apiUrl: 'http://localhost:8080',
      apiKey: undefined,
      projectId: 'default',
      deploymentId: undefined,
      maxConcurrentWorkflows: 100,
    });
  });

  it('comes from the environment, unless it is given', () => {
    const environment = {
      POLOS_API_URL: 'https://a',
      POLOS_PROJECT_ID: 'p',
      POLOS_MAX_CONCURRENT_WORKFLOWS: '7',
    };
    expect(resolveConfig({ projectId: 'q' }, environment)).toMatchObject({
      apiUrl: 'https://a',
      projectId: 'q',
      maxConcurrentWorkflows: 7,
    });
  });

  it.each(['0', '1.5', 'many', '10001'])('refuses %s as the number of concurrent workflows', (value) => {
    expect(() => resolveConfig({}, { POLOS_MAX_CONCURRENT_WORKFLOWS: value })).toThrow(RangeError);
  });

  it.each(['localhost:8080', 'ftp://x', 'http://x/path', 'nonsense'])('refuses %s as the URL', (apiUrl) => {
    expect(() => new PolosClient({ apiUrl })).toThrow(TypeError);
  });
});

describe('an execution id', () => {
  it('is a UUID of version 7 that sorts by time', () => {
    const ids = [1, 2 ** 40, 2 ** 47].map((ms) => createExecutionId(ms));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
  });
});

it('names itself to the server with the version of its package', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(SDK_VERSION).toBe(manifest.version);
});
