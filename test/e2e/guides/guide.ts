import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../cli-process.js';

/** A fenced block of a page. */
export interface Block {
  /** What its fence says: `ts`, `python`, `text`, .. */
  readonly fence: string;
  readonly text: string;
  /** The heading that it stands under, without its `#`s. */
  readonly section: string;
  /** The line of its fence, from 1. */
  readonly line: number;
}

/** What a guide says that a command prints. */
export interface Said {
  /** The command as it is written there, without the `$`. */
  readonly command: string;
  /** Its lines on standard output; none where the guide shows none. */
  readonly lines: readonly string[];
}

/** One section of a guide that has programs. */
export interface Example {
  readonly section: string;
  /** The programs by their file names. */
  readonly files: ReadonlyMap<string, string>;
  /** In the order of the page: all but the last are services that go on until they are stopped. */
  readonly commands: readonly Said[];
}

/** The fenced blocks of a page of docs/guides, in order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, 'docs/guides', page), 'utf8');
  const blocks: Block[] = [];
  let section = '';
  let open: { fence: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (open === undefined) {
      if (line.startsWith('#')) section = line.replace(/^#+ /, '');
      if (line.startsWith('```')) open = { fence: line.slice(3), line: index + 1, lines: [] };
    } else if (line === '```') {
      blocks.push({ fence: open.fence, text: `${open.lines.join('\n')}\n`, section, line: open.line });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) throw new Error(`docs/guides/${page}: the block of line ${open.line} has no end`);
  return blocks;
}

/** The headings of a page of docs/guides below its title, in order. */
export function headingsOf(page: string): string[] {
  const text = readFileSync(join(root, 'docs/guides', page), 'utf8');
  return Array.from(
    text.replace(/^```.*?^```$/gms, '').matchAll(/^#{2,} (.+)$/gm),
    ([, heading = '']) => heading,
  );
}

/** The examples of a guide: the sections with blocks whose first line is a comment that names a file. */
export function examplesOf(page: string): Example[] {
  const examples = new Map<string, { files: Map<string, string>; commands: Said[] }>();
  for (const { fence, text, section } of blocksOf(page)) {
    const example = examples.get(section) ?? { files: new Map<string, string>(), commands: [] as Said[] };
    const file = /^(?:\/\/|#) (\S+\.\w+)\n/.exec(text)?.[1];
    if (file !== undefined) example.files.set(file, text);
    const [first = '', ...lines] = text.trimEnd().split('\n');
    if (fence === 'text' && first.startsWith('$ ')) example.commands.push({ command: first.slice(2), lines });
    if (example.files.size > 0) examples.set(section, example);
  }
  return Array.from(examples, ([section, { files, commands }]) => ({ section, files, commands }));
}
