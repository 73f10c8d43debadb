import { invalidField } from './refusals.js';

/** A piece of a filter. */
export interface Token {
  readonly kind: 'word' | 'string' | 'operator';
  /** Of a string what it says, without quotes and escapes. */
  readonly text: string;
  /** Where it begins, and where what comes after it does. */
  readonly at: number;
  readonly end: number;
}

/** Space, a quoted string with escapes, an operator, or a bare word; the last alternative is what nothing else takes. */
const TOKEN = /\s+|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|[=<>:])|([^\s"'=<>!:()]+)|(.)/gsu;

/** The pieces of a filter; what is none is refused with its place. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, double, single, operator, word, other] = match;
    const at = match.index;
    const end = at + whole.length;
    if (other !== undefined) throw invalidField('filter', `"${other}" at position ${at} is not understood`);
    const quoted = double ?? single;
    if (quoted !== undefined)
      tokens.push({ kind: 'string', text: quoted.replace(/\\(.)/gsu, '$1'), at, end });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator, at, end });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at, end });
  }
  return tokens;
}

/** A field: names joined by dots, of which all but the first may be quoted, as in `state."a.b".c`. */
export interface FieldToken {
  readonly names: readonly string[];
  /** As it was written, but for escapes. */
  readonly text: string;
}

/**
 * Puts the pieces of a field together, which nothing comes between; undefined if they are no names with dots between them.
 */
export function fieldOf(tokens: readonly Token[]): FieldToken | undefined {
  const parts = tokens.flatMap(({ kind, text }): (string | { readonly name: string })[] => {
    if (kind === 'string') return [{ name: text }];
    return (text.match(/\.|[^.]+/g) ?? []).map((piece) => (piece === '.' ? piece : { name: piece }));
  });
  const names = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
  const isAlternating = parts.every((part, index) => (part === '.') === (index % 2 === 1));
  if (!isAlternating || parts.length !== names.length * 2 - 1) return undefined;
  const text = tokens.map(({ kind, text: piece }) => (kind === 'string' ? `"${piece}"` : piece)).join('');
  return { names, text };
}
