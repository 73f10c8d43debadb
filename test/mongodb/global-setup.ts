import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import type { ReplicaSet } from './replica-set.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a request with the URL of the MongoDB that all test files share, which the first request starts. */
    mongodbStarter: string;
  }
}

let server: Server | undefined;
let started: Promise<ReplicaSet> | undefined;

/** Runs once for a whole run of vitest, in its main process; starts MongoDB only when a test asks for it. */
export async function setup({ provide }: TestProject): Promise<void> {
  server = createServer((_, response) => {
    started ??= startSet();
    started.then(
      ({ url }) => response.end(url),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  provide('mongodbStarter', `http://127.0.0.1:${port}`);
}

/** Stops what was started. */
export async function teardown(): Promise<void> {
  server?.close();
  server?.closeAllConnections();
  await started?.then(
    (set) => set.stop(),
    () => {},
  );
  started = undefined;
}

/** Imported only now, because most runs need neither it nor the driver. */
async function startSet(): Promise<ReplicaSet> {
  const { ReplicaSet } = await import('./replica-set.js');
  return ReplicaSet.start({ members: 1 });
}
