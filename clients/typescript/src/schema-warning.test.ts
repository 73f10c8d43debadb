import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { Compatibility, SchemaKind, SchemaReportSchema } from './gen/polos/v1/schema_pb.js';
import { schemaWarning } from './schema-warning.js';

const STATES = { checked: 3n, breaking: 0n, unchecked: 0n, complete: true };
const finding = {
  compatibility: Compatibility.BREAKING,
  schemaPath: '/properties/a',
  keyword: 'type',
  message: 'it is text',
};
const comparison = { compatibility: Compatibility.BREAKING, findings: [finding] };
const broken = (executionId: string) => ({
  executionId,
  issues: [{ path: '/a', keyword: 'type', message: 'must be text' }],
});

it.each<[what: string, report: MessageInitShape<typeof SchemaReportSchema>]>([
  ['a first schema', {}],
  ['states that all fit', { comparison, liveStates: STATES }],
  [
    'a compatible change',
    { kind: SchemaKind.PAYLOAD, comparison: { compatibility: Compatibility.COMPATIBLE } },
  ],
])('%s is nothing to warn of', (_, report) => {
  expect(warning(report)).toBeUndefined();
});

it.each<[what: string, report: MessageInitShape<typeof SchemaReportSchema>, text: string]>([
  [
    'a schema that cannot be used',
    { problem: 'it is too large' },
    'the server cannot use the state schema of "order", so that only workers check by it: it is too large',
  ],
  [
    'states that do not fit',
    { liveStates: { ...STATES, breaking: 2n, breakingExecutions: [broken('e1')] } },
    'the state schema of "order" is new: of 3 executions that are not final, 2 have a state that does not fit it\n' +
      '  e1: /a must be text\n  and 1 more',
  ],
  [
    'states of which not all were looked at',
    { liveStates: { ...STATES, complete: false, unchecked: 1n } },
    'the state schema of "order" is new: of the newest 3 executions that are not final, 0 have a state that does not fit' +
      ' it, 1 could not be checked',
  ],
  [
    'a breaking change of a payload',
    { kind: SchemaKind.PAYLOAD, comparison },
    'the payload schema of "order" is new, and refuses what the one before allowed:\n  /properties/a: it is text',
  ],
])('%s is named', (_, report, text) => {
  expect(warning(report)).toBe(text);
});

function warning(report: MessageInitShape<typeof SchemaReportSchema>): string | undefined {
  return schemaWarning(
    create(SchemaReportSchema, { workflowId: 'order', kind: SchemaKind.STATE, ...report }),
  );
}
