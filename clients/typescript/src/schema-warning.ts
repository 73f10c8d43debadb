import { Compatibility, type LiveStates, SchemaKind, type SchemaReport } from './gen/polos/v1/schema_pb.js';

/** Executions that a warning names. */
const NAMED_MAX = 5;

/** Differences that a warning names. */
const FINDINGS_MAX = 5;

const KINDS: Readonly<Record<number, string>> = {
  [SchemaKind.PAYLOAD]: 'payload',
  [SchemaKind.STATE]: 'state',
  [SchemaKind.RESULT]: 'result',
};

/** What a worker should be warned of when the server reports about one of its schemas; undefined for nothing. */
export function schemaWarning(report: SchemaReport): string | undefined {
  const { workflowId, kind, problem, comparison, liveStates } = report;
  const schema = `${KINDS[kind] ?? 'a'} schema of "${workflowId}"`;
  if (problem !== '')
    return `the server cannot use the ${schema}, so that only workers check by it: ${problem}`;
  if (liveStates && (liveStates.breaking > 0n || liveStates.unchecked > 0n || !liveStates.complete)) {
    return `the ${schema} is new: ${statesText(liveStates)}`;
  }
  // All states were looked at, or there was no need to.
  if (kind === SchemaKind.STATE || comparison?.compatibility !== Compatibility.BREAKING) return undefined;
  const lines = comparison.findings
    .filter(({ compatibility }) => compatibility === Compatibility.BREAKING)
    .slice(0, FINDINGS_MAX)
    .map(({ schemaPath, message }) => `\n  ${schemaPath || '(root)'}: ${message}`);
  return `the ${schema} is new, and refuses what the one before allowed:${lines.join('')}`;
}

function statesText({ checked, breaking, unchecked, complete, breakingExecutions }: LiveStates): string {
  const whole = complete ? `${checked}` : `the newest ${checked}`;
  const unknown = unchecked > 0n ? `, ${unchecked} could not be checked` : '';
  const sum = `of ${whole} executions that are not final, ${breaking} have a state that does not fit it${unknown}`;
  const named = breakingExecutions.slice(0, NAMED_MAX).map(({ executionId, issues: [issue] }) => {
    return `\n  ${executionId}: ${issue ? `${issue.path || '(root)'} ${issue.message}` : 'it does not fit'}`;
  });
  const more = Number(breaking) - named.length;
  const rest = more > 0 && named.length > 0 ? `\n  and ${more} more` : '';
  return `${sum}${named.join('')}${rest}`;
}
