import { create } from '@bufbuild/protobuf';
import type { SchemaComparison } from '../../core/schema/comparison.js';
import type {
  LiveStates,
  SchemaCheck,
  SchemaKind,
  SchemaReference,
  SchemaReport,
  SchemaView,
} from '../../engine/api.js';
import {
  Compatibility,
  LiveStatesSchema,
  type Schema,
  SchemaComparisonSchema,
  SchemaReportSchema,
  SchemaSchema,
  type SchemaComparison as WireComparison,
  SchemaKind as WireKind,
  type LiveStates as WireLiveStates,
  type SchemaReference as WireReference,
  type SchemaReport as WireReport,
} from '../../gen/polos/v1/schema_pb.js';
import {
  type CheckSchemaResponse,
  CheckSchemaResponseSchema,
} from '../../gen/polos/v1/workflow_service_pb.js';
import { encodeExecutionsToken } from '../page-token.js';
import { DETAIL_LENGTH_MAX } from '../refusals.js';
import { shortened } from '../status.js';
import { toExecutionStatus } from './execution.js';
import { toTimestamp } from './time.js';

const KINDS: Readonly<Record<SchemaKind, WireKind>> = {
  payload: WireKind.PAYLOAD,
  state: WireKind.STATE,
  result: WireKind.RESULT,
};

const COMPATIBILITIES = {
  compatible: Compatibility.COMPATIBLE,
  breaking: Compatibility.BREAKING,
  unknown: Compatibility.UNKNOWN,
} as const satisfies Record<SchemaComparison['compatibility'], Compatibility>;

/** Bytes of one report's texts: many reports share the answer to a registration. */
const MESSAGE_LENGTH_MAX = 400;

/** A registered schema with its text. */
export function toSchema(schema: SchemaView): Schema {
  return create(SchemaSchema, { ...withoutText(schema), jsonSchema: schema.jsonSchema });
}

/** A registered schema as lists show it. */
export function toListedSchema(schema: SchemaView): Schema {
  return create(SchemaSchema, withoutText(schema));
}

/** Reads which value a schema describes. The unspecified kind is refused before. */
export function fromSchemaKind(kind: WireKind): SchemaKind {
  const known = Object.entries(KINDS).find(([, wire]) => wire === kind);
  if (!known) throw new Error(`there is no schema kind ${kind}`);
  return known[0] as SchemaKind;
}

/** Reads which schema is meant. */
export function fromSchemaReference(reference: WireReference | undefined): SchemaReference {
  const schema = reference?.schema;
  return schema?.case === 'digest' ? { digest: schema.value } : { text: schema?.value ?? '' };
}

/** What is said of a new schema. */
export function toSchemaReport(report: SchemaReport): WireReport {
  const { workflowId, kind, digest, previousDigest = '', problem = '', comparison, liveStates } = report;
  return create(SchemaReportSchema, {
    ...{ workflowId, kind: KINDS[kind], digest, previousDigest },
    problem: shortened(problem, MESSAGE_LENGTH_MAX),
    ...(comparison && { comparison: toComparison(comparison) }),
    ...(liveStates && { liveStates: toLiveStates(liveStates) }),
  });
}

/** How two schemas differ. */
export function toComparison({ compatibility, findings, omitted }: SchemaComparison): WireComparison {
  return create(SchemaComparisonSchema, {
    compatibility: COMPATIBILITIES[compatibility],
    findings: findings.map((finding) => ({
      compatibility: COMPATIBILITIES[finding.compatibility],
      schemaPath: shortened(finding.pointer, MESSAGE_LENGTH_MAX),
      keyword: finding.keyword,
      message: shortened(finding.message, MESSAGE_LENGTH_MAX),
    })),
    omittedFindings: omitted,
  });
}

/** One page of what a schema would mean. */
export function toSchemaCheck({ report, next }: SchemaCheck): CheckSchemaResponse {
  return create(CheckSchemaResponseSchema, {
    report: toSchemaReport(report),
    nextPageToken: next ? encodeExecutionsToken(next) : '',
  });
}

function toLiveStates(states: LiveStates): WireLiveStates {
  const { checked, breaking, unchecked, complete, breakingExecutions } = states;
  return create(LiveStatesSchema, {
    ...{ checked: BigInt(checked), breaking: BigInt(breaking), unchecked: BigInt(unchecked), complete },
    breakingExecutions: breakingExecutions.map(({ executionId, status, stateRevision, issues }) => ({
      ...{ executionId, status: toExecutionStatus(status), stateRevision: BigInt(stateRevision) },
      issues: issues.map(({ path, keyword, message }) => ({
        path: shortened(path, DETAIL_LENGTH_MAX),
        keyword: shortened(keyword, DETAIL_LENGTH_MAX),
        message: shortened(message, DETAIL_LENGTH_MAX),
      })),
    })),
  });
}

function withoutText({ workflowId, kind, digest, registeredAt, current }: SchemaView) {
  return { workflowId, kind: KINDS[kind], digest, registerTime: toTimestamp(registeredAt), current };
}
