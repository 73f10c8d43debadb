import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { polos, root } from './cli-process.js';

// biome-ignore lint/suspicious/noExplicitAny: manifests, of which each test knows the part that it is about.
type Manifest = any;

const compose = readManifest('deploy/compose.yaml');
const [kustomization, deployment, service, budget, secret] = [
  ...['kustomization', 'deployment', 'service', 'pod-disruption-budget', 'secret'],
].map((name) => readManifest(`deploy/kubernetes/${name}.yaml`));
const pod = deployment.spec.template.spec;
const [server] = pod.containers;

/** How long calls may go on after a server was asked to stop: config.ts, `drainMs`. */
const DRAIN_SECONDS = 10;

let help: Readonly<Record<'start' | 'check', string>>;
beforeAll(async () => {
  const [start, check] = await Promise.all(
    ['start', 'check'].map((name) => polos(['server', name, '--help'])),
  );
  help = { start: start!.stdout, check: check!.stdout };
});

test.each([
  ['deploy/compose.yaml', () => Object.values<Manifest>(compose.services).map(({ command }) => command)],
  ['deploy/kubernetes/deployment.yaml', () => [server.args]],
  ['deploy/Dockerfile', () => [JSON.parse(/^CMD (.+)$/m.exec(read('deploy/Dockerfile'))![1]!)]],
  ['docs/operations.md', () => commandsOf(read('docs/operations.md'))],
  ['README.md', () => commandsOf(read('README.md'))],
])('every flag that %s gives to a server is one that it knows', (_, commandsIn) => {
  const commands = commandsIn().filter(([group]) => group === 'server');
  expect(commands.length).toBeGreaterThan(0);
  for (const [, name, ...args] of commands) {
    expect(help).toHaveProperty(name);
    for (const flag of args.filter((arg: string) => arg.startsWith('-'))) {
      expect(help[name as 'start' | 'check']).toContain(`${flag} <`);
    }
  }
});

test.each([
  ['deploy/compose.yaml', () => Object.keys(compose['x-server'].environment)],
  ['deploy/kubernetes/deployment.yaml', () => server.env.map(({ name }: Manifest) => name)],
  ['docs/operations.md', () => read('docs/operations.md').match(/\bPOLOS_[A-Z_]+/g) ?? []],
])('every variable that %s sets is one that the command knows', async (_, variablesIn) => {
  const { stdout } = await polos(['--help']);
  for (const variable of variablesIn()) expect(stdout).toContain(`  ${variable} `);
});

test('every manifest is applied, and every file of the folder is a manifest', () => {
  const files = readdirSync(join(root, 'deploy/kubernetes')).filter((file) => file !== 'kustomization.yaml');
  expect([...kustomization.resources].sort()).toEqual(files.sort());
  for (const file of files) {
    expect(readManifest(`deploy/kubernetes/${file}`)).toMatchObject({ apiVersion: expect.any(String) });
  }
});

test('service and disruption budget select the pods, and the secret has the keys that they read', () => {
  const { labels } = deployment.spec.template.metadata;
  expect(labels).toMatchObject(deployment.spec.selector.matchLabels);
  expect(labels).toMatchObject(service.spec.selector);
  expect(labels).toMatchObject(budget.spec.selector.matchLabels);
  expect(deployment.spec.replicas).toBeGreaterThan(budget.spec.minAvailable);
  const references = server.env.map(({ valueFrom }: Manifest) => valueFrom.secretKeyRef);
  for (const { name, key } of references) {
    expect(name).toBe(secret.metadata.name);
    expect(secret.stringData).toHaveProperty([key]);
  }
});

test('the ports are those that the server listens on', () => {
  const [{ name, containerPort }] = server.ports;
  const [port] = service.spec.ports;
  expect(port).toMatchObject({ targetPort: name, appProtocol: 'kubernetes.io/h2c' });
  expect(server.args[server.args.indexOf('--port') + 1]).toBe(`${containerPort}`);
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
    expect(server[probe].grpc.port).toBe(containerPort);
  }
});

test('a server is given the time that it takes to stop', () => {
  const pauseSeconds = Number(server.lifecycle.preStop.exec.command[1]);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pauseSeconds + DRAIN_SECONDS);
  expect(Number.parseInt(compose['x-server'].stop_grace_period, 10)).toBeGreaterThan(DRAIN_SECONDS);
  expect(read('server/src/config.ts')).toContain(
    `drainMs: z.number().int().min(0).default(${DRAIN_SECONDS}_000)`,
  );
});

test('what a service of the composition waits for is a service of it', () => {
  const names = Object.keys(compose.services);
  for (const { depends_on = {} } of Object.values<Manifest>(compose.services)) {
    expect(names).toEqual(expect.arrayContaining(Object.keys(depends_on)));
  }
  const [, hosts] = /^mongodb:\/\/([^/]+)\//.exec(compose['x-server'].environment.POLOS_MONGODB_URL) ?? [];
  for (const host of hosts!.split(',')) expect(names).toContain(host);
});

test('nothing of the composition is replaced but what is meant to be', () => {
  expect(read('deploy/compose.yaml').match(/\$[^$][A-Za-z_]*/g)).toEqual(['${POLOS_API_KEYS']);
});

/** One document; refuses what is no YAML, and names that come twice. */
function readManifest(path: string): Manifest {
  const documents = parseAllDocuments(read(path), { merge: true });
  expect(documents, path).toHaveLength(1);
  const [document] = documents;
  expect(document!.errors, path).toEqual([]);
  return document!.toJS();
}

/** The `polos` commands of a page's shell snippets, as words. */
function commandsOf(markdown: string): string[][] {
  const snippets = [...markdown.matchAll(/```sh\n(.*?)```/gs)].map(([, text = '']) => text);
  const lines = [...snippets.join('').split('\n'), ...(markdown.match(/`polos server [^`]+`/g) ?? [])];
  return lines.flatMap((line) => {
    const [, command] = /(?:^|`)(?:npx )?polos (server [^#`]+)/.exec(line) ?? [];
    return command === undefined ? [] : [command.trim().split(/\s+/)];
  });
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
