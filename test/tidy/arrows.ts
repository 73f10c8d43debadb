import { posix } from 'node:path';
import ts from 'typescript';
import { isTest, parse, place, type Source, walk } from './source.js';

/** What may import what (ARCHITECTURE.md). A place's own files are always allowed. */
interface Allowance {
  readonly places: readonly string[];
  /** npm packages and node: modules. */
  readonly packages: boolean;
}

const ADAPTER: Allowance = { places: ['store port', 'core'], packages: true };

const ARROWS: Readonly<Record<string, Allowance>> = {
  core: { places: [], packages: false },
  'store port': { places: ['core'], packages: false },
  'store/memory': ADAPTER,
  'store/embedded': ADAPTER,
  'store/mongo': ADAPTER,
  engine: { places: ['core', 'store port'], packages: true },
  rpc: { places: ['engine', 'core', 'gen'], packages: true },
  cli: { places: ['main', 'config', 'gen'], packages: true },
  config: { places: ['core'], packages: true },
  main: {
    places: ['config', 'core', 'store port', 'store/memory', 'store/embedded', 'store/mongo'].concat([
      'engine',
      'rpc',
      'gen',
      'cli',
    ]),
    packages: true,
  },
  sdk: { places: ['sdk gen'], packages: true },
};

const OTHER_SIDE: Readonly<Record<string, string>> = { server: '@polos/sdk', clients: '@polos/server' };

/** Offences against the arrows by the non-test files of the server and of the TypeScript client. */
export function brokenArrows(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => placeOf(path) !== undefined && !isTest(path))
    .flatMap((source) => {
      const file = parse(source);
      return importsOf(file).flatMap(({ node, specifier }) => {
        const offence = offenceOf(source.path, specifier);
        return offence === undefined ? [] : [`${place(file, node)} ${offence}`];
      });
    });
}

function offenceOf(path: string, specifier: string | undefined): string | undefined {
  const from = placeOf(path) ?? '';
  const allowed = ARROWS[from];
  if (allowed === undefined) return `is in ${from}, a place that test/tidy/arrows.ts does not know`;
  if (specifier === undefined) return 'imports a computed path';
  if (!specifier.startsWith('.')) {
    const otherSide = OTHER_SIDE[path.split('/')[0] ?? ''] ?? '';
    if (specifier === otherSide || specifier.startsWith(`${otherSide}/`)) {
      return `imports ${specifier}: server and clients meet only in proto/`;
    }
    return allowed.packages
      ? undefined
      : `imports ${specifier}: ${from} imports no package and no node: module`;
  }
  const to = placeOf(posix.join(posix.dirname(path), specifier));
  if (to === from || (to !== undefined && allowed.places.includes(to))) return undefined;
  return `imports ${specifier}: ${from} does not import ${to ?? 'files outside'}`;
}

/** The part of the architecture a path belongs to; undefined outside the server and the TypeScript client. */
function placeOf(path: string): string | undefined {
  const [, sdk] = /^clients\/typescript\/src\/(.+)$/.exec(path) ?? [];
  if (sdk !== undefined) return sdk.startsWith('gen/') ? 'sdk gen' : 'sdk';
  const [, server] = /^server\/src\/(.+)$/.exec(path) ?? [];
  if (server === undefined) return undefined;
  const folders = server.split('/').slice(0, -1);
  if (folders.length === 0) return posix.basename(server).replace(/\.[jt]s$/, '');
  if (folders[0] !== 'store') return folders[0];
  return folders[1] === undefined ? 'store port' : `store/${folders[1]}`;
}

interface Import {
  readonly node: ts.Node;
  /** undefined when it is computed. */
  readonly specifier: string | undefined;
}

/** Static and dynamic imports, re-exports, require calls and import types. */
function importsOf(file: ts.SourceFile): Import[] {
  const imports: Import[] = [];
  walk(file, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    imports.push({ node, specifier: ts.isStringLiteralLike(specifier) ? specifier.text : undefined });
  });
  return imports;
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node))
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
  if (!ts.isCallExpression(node)) return undefined;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
  return isImport || isRequire ? node.arguments[0] : undefined;
}
