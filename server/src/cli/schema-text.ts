import { Compatibility, CompatibilitySchema, type SchemaComparison } from '../gen/polos/v1/schema_pb.js';
import { enumName } from './document.js';
import { table } from './table.js';
import { printable } from './terminal.js';

/** What two schemas differ in, for people. */
export function comparisonText({ compatibility, findings, omittedFindings }: SchemaComparison): string {
  if (findings.length === 0) return 'compatible: they mean the same';
  const rows = table(findings, [
    { heading: 'MEANS', text: (finding) => enumName(CompatibilitySchema, finding.compatibility) },
    { heading: 'AT', text: ({ schemaPath }) => printable(schemaPath) || '(root)' },
    { heading: 'KEYWORD', text: ({ keyword }) => printable(keyword) },
    { heading: 'WHAT', text: ({ message }) => printable(message) },
  ]);
  const more = omittedFindings > 0 ? `\nand ${omittedFindings} more` : '';
  return `${verdict(compatibility)}\n${rows}${more}`;
}

function verdict(compatibility: Compatibility): string {
  if (compatibility === Compatibility.COMPATIBLE)
    return 'compatible: what was written under the first fits the second';
  if (compatibility === Compatibility.BREAKING)
    return 'breaking: some values that the first allows do not fit the second';
  return 'unknown: the schemas alone do not tell whether what fits the first fits the second';
}
