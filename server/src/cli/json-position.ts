/** Where a text stops being JSON, and what is there. Lines and columns count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** The line itself, for showing it. */
  readonly lineText: string;
  /** What is there: a character in quotes, or "the end". */
  readonly found: string;
}

/**
 * Finds the first place at which a text cannot be JSON any more (RFC 8259); undefined for a text that is JSON. Needed because
 * `JSON.parse` does not always say where.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const at = faultOffset(text);
  if (at === undefined) return undefined;
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const lineEnd = text.indexOf('\n', at);
  const character = text.codePointAt(at);
  return {
    line: text.slice(0, lineStart).split('\n').length,
    column: at - lineStart + 1,
    lineText: text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd),
    found: character === undefined ? 'the end' : `"${String.fromCodePoint(character)}"`,
  };
}

/** What may come next. The grammar is regular but for its nesting, which `open` holds. */
type Expected = 'value' | 'value_or_end' | 'key' | 'key_or_end' | 'colon' | 'comma_or_end' | 'nothing';

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings must not hold them (RFC 8259, section 7).
const STRING_INSIDE = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const LITERALS = ['true', 'false', 'null'];

function faultOffset(text: string): number | undefined {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const character = text.charAt(at);
    const isEnd = character === (open.at(-1) === '{' ? '}' : ']') && open.length > 0;
    if (isEnd && expected.endsWith('_or_end')) {
      open.pop();
      at += 1;
      expected = afterValue(open);
    } else if (expected === 'colon' || expected === 'comma_or_end') {
      if (character !== (expected === 'colon' ? ':' : ',')) return at;
      at += 1;
      expected = expected === 'comma_or_end' && open.at(-1) === '{' ? 'key' : 'value';
    } else if (expected === 'nothing') {
      return at;
    } else if (expected === 'value' || expected === 'value_or_end') {
      if (character === '{' || character === '[') {
        open.push(character);
        at += 1;
        expected = character === '{' ? 'key_or_end' : 'value_or_end';
      } else {
        const scalar = scanScalar(text, at);
        if (!scalar.isWhole) return scalar.end;
        at = scalar.end;
        expected = afterValue(open);
      }
    } else {
      if (character !== '"') return at;
      const key = scanScalar(text, at);
      if (!key.isWhole) return key.end;
      at = key.end;
      expected = 'colon';
    }
    at = skip(SPACE, text, at);
  }
  return expected === 'nothing' ? undefined : text.length;
}

function afterValue(open: readonly string[]): Expected {
  return open.length === 0 ? 'nothing' : 'comma_or_end';
}

/** Scans a string, number or literal; one that is not whole ends where it breaks. */
function scanScalar(text: string, at: number): { readonly end: number; readonly isWhole: boolean } {
  if (text.charAt(at) === '"') {
    const end = skip(STRING_INSIDE, text, at + 1);
    return text.charAt(end) === '"' ? { end: end + 1, isWhole: true } : { end, isWhole: false };
  }
  const literal = LITERALS.find((word) => text.startsWith(word, at));
  if (literal) return { end: at + literal.length, isWhole: true };
  const end = skip(NUMBER, text, at);
  return { end, isWhole: end > at };
}

/** The end of what the sticky expression takes at `at`; `at` itself if it takes nothing. */
function skip(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : at;
}
