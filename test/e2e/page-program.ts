import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './cli-process.js';

/** The packages that a user may have as `zod`, as they are installed here. */
export const ZODS = ['zod', 'zod3'] as const;

/** One of them: 4, or 3.25. */
export type Zod = (typeof ZODS)[number];

/** A code block of the page "Workflow state", as it stands there. */
export function pageBlock(name: string, language: 'ts' | 'py' = 'ts'): string {
  return readFileSync(join(root, 'test/e2e/fixtures/page', `${name}.${language}.txt`), 'utf8');
}

/** A project as a user has it: the built SDK, one zod, and TypeScript programs. */
export class PageProject {
  /** Where they are, and what they are compiled to. */
  readonly folder: string;
  readonly #sources: readonly string[];

  /** @param files  the programs by their names. */
  constructor(zod: Zod, files: ReadonlyMap<string, string>) {
    // In the repository, so that the SDK's own dependencies are found.
    mkdirSync(join(root, '.cache'), { recursive: true });
    this.folder = mkdtempSync(join(root, '.cache/page-'));
    this.#sources = Array.from(files.keys(), (name) => join(this.folder, name));
    const modules = join(this.folder, 'node_modules');
    mkdirSync(join(modules, '@polos/sdk'), { recursive: true });
    // A copy and not a link: the SDK must see this project's zod.
    for (const entry of ['package.json', 'dist']) {
      cpSync(join(root, 'clients/typescript', entry), join(modules, '@polos/sdk', entry), {
        recursive: true,
      });
    }
    symlinkSync(join(root, 'node_modules', zod), join(modules, 'zod'));
    writeFileSync(join(this.folder, 'package.json'), '{"type":"module"}');
    for (const [name, text] of files) writeFileSync(join(this.folder, name), text);
  }

  /** Compiles the programs in strict mode. Writes JavaScript in any case, as `tsc` does. @returns the errors. */
  compile(): string[] {
    const program = ts.createProgram(this.#sources, {
      strict: true,
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    });
    program.emit();
    return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `${file?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  }

  /** Deletes it. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
