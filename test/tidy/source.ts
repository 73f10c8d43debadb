import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The repository's root folder. */
export const root = join(import.meta.dirname, '..', '..');

/** A file as the rules see it: its path from the root, with `/`, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A rule answers one line for each offence, starting with the file's path. */
export type Rule = (sources: readonly Source[]) => string[];

/** The paths of all files that git tracks or would track, without generated code and other projects' files. */
export function repositoryPaths(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = [...new Set(listed.split('\0').filter((path) => path !== ''))];
  return paths.filter((path) => !isForeign(path) && existsSync(join(root, path)));
}

/** The repository's files with these endings. */
export function readSources(...endings: readonly string[]): Source[] {
  const paths = repositoryPaths().filter((path) => endings.some((ending) => path.endsWith(ending)));
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Whether a path names a test. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** Parses one file, without types. */
export function parse({ path, text }: Source): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Calls `visit` for every node below `node`. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(node, (child) => {
    visit(child);
    walk(child, visit);
  });
}

/** `path:line` of a node, for a message. */
export function place(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
}

function isForeign(path: string): boolean {
  return path.startsWith('third_party/') || path.split('/').some((part) => part === 'gen' || part === '_gen');
}
