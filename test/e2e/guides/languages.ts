import { python } from './python.js';
import { typescript } from './typescript.js';

/** A folder in which the programs of a guide can be run. */
export interface GuideProject {
  readonly folder: string;
  /** What the commands of the guide begin with (`node`, `python`), and what that is here. */
  readonly program: { readonly name: string; readonly path: string };
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** A language that has a guide. */
export interface GuideLanguage {
  readonly name: string;
  /** Its page in docs/guides. */
  readonly page: string;
  /** What the fences of its blocks say. */
  readonly fence: string;
  /** What must be there to run it: the name and the path of a program. */
  readonly tool: { readonly name: string; readonly command: string };
  /**
   * Writes the programs into a fresh folder as a user would have it, checks their types and compiles them.
   * @returns it, and what the type checker has to say: nothing if all is well.
   */
  prepare(files: ReadonlyMap<string, string>): Promise<{ project: GuideProject; errors: string }>;
  /** How the blocks of the other guides are checked, if they are given in this language, too. */
  readonly snippets?: GuideSnippets;
}

/** Makes a program of blocks that are parts of one. */
export interface GuideSnippets {
  /** How its files end: `.py`. */
  readonly extension: string;
  /** A function of its own, in which a block may wait for what it calls. */
  wrap(block: string, name: string): string;
  /** Arguments of the language's program that load a module, by its name without extension. */
  load(module: string): string[];
}

/** The languages that have a guide. A further one is a page in docs/guides, and a module like these. */
export const LANGUAGES: readonly GuideLanguage[] = [typescript, python];
