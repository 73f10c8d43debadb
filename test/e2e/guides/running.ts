import { Program, runProgram } from '../cli-process.js';
import type { Example, Said } from './guide.js';
import type { GuideLanguage, GuideProject } from './languages.js';

/** A server, and the project on it that an example has for itself. */
export interface Where {
  readonly url: string;
  readonly projectId: string;
}

/** Writes, type-checks and compiles examples in a folder of their own. @throws what the type checker finds. */
export async function prepare(language: GuideLanguage, examples: readonly Example[]): Promise<GuideProject> {
  const files = new Map(examples.flatMap((example) => [...example.files]));
  const { project, errors } = await language.prepare(files);
  if (errors === '') return project;
  project.remove();
  throw new Error(`the programs of ${language.page} do not type-check: ${errors}`);
}

/** A command of a guide, and where it runs. */
export interface Part {
  readonly project: GuideProject;
  readonly command: string;
}

/** Starts a command of a guide, and goes on. */
export function start({ project, command }: Part, where: Where): Program {
  return new Program(argumentsOf(project, command), optionsOf(project, where));
}

/**
 * Runs the commands of an example as its reader would: services first, and stopped at the end, the last one to its end.
 * @returns what each printed.
 */
export async function play(parts: readonly Part[], where: Where): Promise<Said[]> {
  const services = parts.slice(0, -1).map((part) => ({ ...part, program: start(part, where) }));
  const last = parts.at(-1);
  if (last === undefined) throw new Error('the guide does not say how the example is run');
  const ran = await runProgram(argumentsOf(last.project, last.command), optionsOf(last.project, where));
  const played: Said[] = [];
  for (const { command, program } of services) {
    const { status, stdout, stderr } = await program.end('SIGTERM');
    if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
    played.push({ command, lines: stdout === '' ? [] : stdout.split('\n') });
  }
  if (ran.status !== 0)
    throw new Error(`${last.command} ended with ${ran.status}: ${ran.stderr}${ran.stdout}`);
  return [...played, { command: last.command, lines: ran.stdout.trimEnd().split('\n') }];
}

function argumentsOf({ program: { name } }: GuideProject, command: string): string[] {
  const [word, ...args] = command.split(' ');
  if (word !== name) throw new Error(`commands of this guide begin with ${name}, but not "${command}"`);
  return args;
}

function optionsOf({ folder, program, env }: GuideProject, { url, projectId }: Where) {
  return {
    cwd: folder,
    interpreter: program.path,
    env: { ...env, POLOS_API_URL: url, POLOS_PROJECT_ID: projectId },
  };
}
