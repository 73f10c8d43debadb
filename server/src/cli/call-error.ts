import { createRegistry } from '@bufbuild/protobuf';
import { Code, type ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ResourceInfoSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import {
  ExecutionClosedSchema,
  IdempotencyMismatchSchema,
  LeaseLostSchema,
  LimitExceededSchema,
  NonDeterminismSchema,
  ResultConflictSchema,
  type SchemaViolation,
  SchemaViolationSchema,
} from '../gen/polos/v1/error_details_pb.js';
import { type Document, toDocument } from './document.js';
import { table } from './table.js';
import { printable } from './terminal.js';

/** What the server (or the way to it) answered instead of a result, in lines for a person: what, where, what to do. */
export function callErrorText(error: ConnectError, url: string): string {
  const unreachable = unreachableText(error, url);
  if (unreachable) return unreachable;
  return printable([headline(error), ...detailLines(error), ...advice(error, url)].join('\n'));
}

/** The same for a script: it should branch on `code` and on the types of the details, never on the message. */
export function callErrorDocument(error: ConnectError): Document {
  const details = error.findDetails(DETAILS).flatMap((message) => {
    const desc = DETAILS.getMessage(message.$typeName);
    return desc ? [{ type: desc.typeName, ...toDocument(desc, message) }] : [];
  });
  return { error: { code: codeName(error.code), message: error.rawMessage, details } };
}

/** Whether the way to the server failed, and not the call: it may be tried again. Calls of this command never get ABORTED. */
export function isConnectionLost({ code }: ConnectError): boolean {
  return code === Code.Unavailable || code === Code.Aborted || code === Code.Canceled;
}

const DETAILS = createRegistry(
  BadRequestSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  SchemaViolationSchema,
  LimitExceededSchema,
  IdempotencyMismatchSchema,
  LeaseLostSchema,
  ResultConflictSchema,
  ExecutionClosedSchema,
  NonDeterminismSchema,
);

const NETWORK_PROBLEMS = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'there is no such host'],
  ['EAI_AGAIN', 'the host name could not be resolved'],
  ['ETIMEDOUT', 'it did not answer in time'],
  ['ECONNRESET', 'the connection broke'],
  ['EPROTO', 'it speaks another protocol'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS'],
  ['ERR_HTTP2_ERROR', 'what answers there is no Polos server'],
]);

function unreachableText(error: ConnectError, url: string): string | undefined {
  const code = networkCode(error);
  const problem = code && NETWORK_PROBLEMS.get(code);
  if (!problem) return undefined;
  const toDo = '  Start a server with `polos server start`, or set POLOS_API_URL to where one is.';
  return `no Polos server reached at ${url}: ${problem} (${code})\n${toDo}`;
}

/** The system's code for what went wrong on the way: that of the innermost cause that is known. */
function networkCode(error: unknown): string | undefined {
  const causes: unknown[] = [error];
  while (causes.length < 8 && causes.at(-1) instanceof Error) causes.push((causes.at(-1) as Error).cause);
  const codes = causes.flatMap((cause) => {
    if (cause instanceof AggregateError)
      return cause.errors.map((inner: NodeJS.ErrnoException) => inner.code);
    return cause instanceof Error && 'code' in cause ? [cause.code] : [];
  });
  return codes.findLast((code) => typeof code === 'string' && NETWORK_PROBLEMS.has(code)) as
    | string
    | undefined;
}

function headline(error: ConnectError): string {
  const violation = error.findDetails(SchemaViolationSchema)[0];
  if (violation) {
    return `the ${violation.value.replaceAll('_', ' ')} does not fit the schema that a worker registered for it`;
  }
  return `${error.rawMessage || 'the call failed'} (${codeName(error.code)})`;
}

function detailLines(error: ConnectError): string[] {
  const violation = error.findDetails(SchemaViolationSchema)[0];
  if (violation) return [indented(issueTable(violation))];
  const fields = error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
  // One violation is what the message says already.
  if (fields.length < 2) return [];
  const columns = [
    { heading: 'FIELD', text: (row: (typeof fields)[number]) => row.field },
    { heading: 'PROBLEM', text: (row: (typeof fields)[number]) => row.description },
  ];
  return [indented(table(fields, columns))];
}

function issueTable({ issues }: SchemaViolation): string {
  return table(issues, [
    { heading: 'AT', text: ({ path }) => path || '(the whole)' },
    { heading: 'PROBLEM', text: ({ message }) => message },
    { heading: 'KEYWORD', text: ({ keyword }) => keyword },
  ]);
}

/** What to do, where that does not follow from the message. */
function advice(error: ConnectError, url: string): string[] {
  const violation = error.findDetails(SchemaViolationSchema)[0];
  if (violation)
    return [`  Nothing was started. The schema: polos schema show ${violation.digest.slice(0, 12)}`];
  const mismatch = error.findDetails(IdempotencyMismatchSchema)[0];
  if (mismatch) return [`  Nothing was started. The other one: polos execution get ${mismatch.executionId}`];
  const conflict = error.findDetails(ResultConflictSchema)[0];
  if (conflict?.stepKey) return [`  What is recorded: polos execution steps ${conflict.executionId}`];
  switch (error.code) {
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return ['  Set POLOS_API_KEY to a key that the server accepts, and POLOS_PROJECT_ID to your project.'];
    case Code.NotFound:
      return error.findDetails(ResourceInfoSchema)[0]?.resourceType === 'execution'
        ? ['  Ids belong to a project: POLOS_PROJECT_ID says which ("default" if it is not set).']
        : [];
    case Code.Unimplemented:
      return [`  The server at ${url} is older or newer than this command.`];
    case Code.DeadlineExceeded:
      return [
        `  The server at ${url} did not answer in time; it may have carried out the call all the same.`,
      ];
    default:
      return [];
  }
}

/** The code as google.rpc.Code names it: `NOT_FOUND`. */
function codeName(code: Code): string {
  return (Code[code] ?? 'Unknown')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toUpperCase()
    .replace('CANCELED', 'CANCELLED');
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}
