import ts from 'typescript';
import { isTest, parse, place, type Source, walk } from './source.js';

const IMPURE = new Set(
  `Date performance process setTimeout setInterval setImmediate queueMicrotask Promise console crypto fetch
  globalThis global self require eval Function Intl WeakRef FinalizationRegistry Buffer Atomics`.split(/\s+/),
);

/** Uses of a clock, randomness, promises, I/O or the platform by server/src/core, whose tests are exempt. */
export function impurities(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('server/src/core/') && !isTest(path))
    .flatMap((source) => {
      const file = parse(source);
      const found: string[] = [];
      walk(file, (node) => {
        const impurity = impurityOf(node);
        if (impurity !== undefined) found.push(`${place(file, node)} uses ${impurity}`);
      });
      return found;
    });
}

function impurityOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return 'await';
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) return 'import.meta';
  if (!ts.isIdentifier(node) || isMemberName(node)) return undefined;
  if (IMPURE.has(node.text)) return node.text;
  return node.text === 'Math' && !isPureMath(node) ? 'Math.random, or Math as a value' : undefined;
}

/** `x.process` and `{ process: 1 }` name a member, not the platform's object. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  const isMember =
    ts.isPropertyAssignment(parent) ||
    ts.isTypeElement(parent) ||
    ts.isClassElement(parent) ||
    ts.isEnumMember(parent);
  return isMember && parent.name === node;
}

function isPureMath({ parent }: ts.Identifier): boolean {
  return ts.isPropertyAccessExpression(parent) && parent.name.text !== 'random';
}
