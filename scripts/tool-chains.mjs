// Prepares what tests use beside Node.js, each once, under .cache/: other languages' tool chains, and MongoDB.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepareMongod } from './mongod.mjs';
import { root, run } from './run.mjs';
import { once } from './stamp.mjs';

// grpcio-tools generates the code of clients/python, and its version decides which versions of protobuf accept that code.
const PYTHON_PACKAGES = [
  'grpcio==1.80.0',
  'grpcio-tools==1.76.0',
  'googleapis-common-protos==1.76.0',
  'pydantic==2.14.3',
  'hatchling==1.33.0',
  'mypy==2.4.1',
  'pytest==9.2.0',
  'pytest-asyncio==1.5.0',
  'ruff==0.17.6',
  'types-grpcio==1.85.0.20261028',
  'types-protobuf==6.32.1.20251210',
];
const GRPCURL = 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3';

const TOOL_CHAINS = [
  { program: 'python3', versionArgs: ['--version'], prepare: preparePython },
  { program: 'go', versionArgs: ['version'], prepare: prepareGrpcurl },
];

/** Prepares what can be prepared; resolves to the names of the programs that this machine lacks. */
export async function prepareToolChains() {
  const missing = await Promise.all([
    ...TOOL_CHAINS.map(async ({ program, versionArgs, prepare }) => {
      const version = versionOf(program, versionArgs);
      if (version === undefined) return [program];
      await prepare(version);
      return [];
    }),
    prepareMongod().then((isThere) => (isThere ? [] : ['mongod'])),
  ]);
  return missing.flat();
}

function versionOf(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    return undefined;
  }
}

/** Prepares .cache/python; resolves to false if this machine lacks Python. */
export async function prepareGeneratorOfPython() {
  const version = versionOf('python3', ['--version']);
  if (version === undefined) return false;
  await preparePython(version);
  return true;
}

/** .cache/python: a virtual environment with PYTHON_PACKAGES. */
async function preparePython(version) {
  const folder = '.cache/python';
  const extra = [version, ...PYTHON_PACKAGES].join(' ');
  await once('python', { outputs: [`${folder}/bin/python`], extra }, async () => {
    console.log(`Installing ${PYTHON_PACKAGES.join(', ')} into ${folder}`);
    rmSync(join(root, folder), { recursive: true, force: true });
    await run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(join(root, folder, 'bin/python'), [...pip, ...PYTHON_PACKAGES]);
  });
}

/** .cache/bin/grpcurl, built from its source. */
async function prepareGrpcurl(version) {
  const folder = '.cache/bin';
  await once('grpcurl', { outputs: [`${folder}/grpcurl`], extra: version + GRPCURL }, async () => {
    console.log(`Building grpcurl into ${folder}`);
    await run('go', ['install', GRPCURL], { env: { GOBIN: join(root, folder), CGO_ENABLED: '0' } });
  });
}
