import ts from 'typescript';
import { isTest, parse, place, type Source, walk } from './source.js';

const LINES_MAX = 400;

/** Files that may be longer, each with the reason. */
const LONG_FILES: ReadonlyMap<string, string> = new Map();

// In brackets so that this line is not a mark itself.
const UNNUMBERED_MARK = /\b(T[O]DO|F[I]XME|X[X]X)\b(?!\s*\(?#\d)/;

const EMPTY_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc']);

/** Files and folders whose name says nothing about what they hold. */
export function emptyNames(sources: readonly Pick<Source, 'path'>[]): string[] {
  const isEmpty = (segment: string) => EMPTY_NAMES.has((segment.split('.')[0] ?? '').toLowerCase());
  return sources.filter(({ path }) => path.split('/').some(isEmpty)).map(({ path }) => path);
}

/** Marks of unfinished work without the number of an issue; a mark followed by `(#12)` or ` #12` has one. */
export function unnumberedTodos(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
      .filter(({ line }) => UNNUMBERED_MARK.test(line))
      .map(({ at }) => at),
  );
}

/** Default exports outside configuration files. */
export function defaultExports(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !/\.config\.[cm]?[jt]s$/.test(path))
    .flatMap((source) => {
      const file = parse(source);
      const found: string[] = [];
      walk(file, (node) => {
        const isModifier = node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent);
        const isAssignment = ts.isExportAssignment(node) && node.isExportEquals !== true;
        const isNamedDefault = ts.isExportSpecifier(node) && node.name.text === 'default';
        if (isModifier || isAssignment || isNamedDefault) found.push(place(file, node));
      });
      return found;
    });
}

/** Exported declarations of the server and the TypeScript client without a doc comment. */
export function undocumentedExports(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => /^(server|clients\/typescript)\/src\//.test(path) && !isTest(path))
    .flatMap((source) => {
      const file = parse(source);
      const declarations = exportedDeclarations(file);
      const documented = new Set(declarations.filter(hasDocComment).flatMap(namesOf));
      return declarations.flatMap((node) =>
        namesOf(node)
          .filter((name) => !documented.has(name))
          .map((name) => `${place(file, node)} ${name}`),
      );
    });
}

type Declaration = ts.VariableStatement | ts.DeclarationStatement;

function exportedDeclarations(file: ts.SourceFile): Declaration[] {
  const exportedLater = new Set(
    file.statements
      .filter(ts.isExportDeclaration)
      .filter(({ moduleSpecifier }) => moduleSpecifier === undefined)
      .flatMap(({ exportClause }) =>
        exportClause && ts.isNamedExports(exportClause) ? exportClause.elements : [],
      )
      .map(({ name, propertyName }) => (propertyName ?? name).text),
  );
  return file.statements.filter(isDeclaration).filter((node) => {
    const isExported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    return isExported || namesOf(node).some((name) => exportedLater.has(name));
  });
}

function isDeclaration(
  node: ts.Statement,
): node is Declaration & { modifiers?: ts.NodeArray<ts.ModifierLike> } {
  return (
    ts.isVariableStatement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node)
  );
}

function namesOf(node: Declaration): string[] {
  if (!ts.isVariableStatement(node)) return [node.name?.getText() ?? 'default'];
  return node.declarationList.declarations.map(({ name }) => name.getText());
}

function hasDocComment(node: Declaration): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0;
}

/** Files of more than LINES_MAX lines, unless LONG_FILES gives a reason. */
export function longFiles(sources: readonly Source[]): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }))
    .filter(({ path, lines }) => lines > LINES_MAX && !LONG_FILES.has(path))
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}
