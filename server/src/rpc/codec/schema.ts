import { create } from '@bufbuild/protobuf';
import type { SchemaKind, SchemaView } from '../../engine/api.js';
import { type Schema, SchemaSchema, SchemaKind as WireKind } from '../../gen/polos/v1/schema_pb.js';
import { toTimestamp } from './time.js';

const KINDS: Readonly<Record<SchemaKind, WireKind>> = {
  payload: WireKind.PAYLOAD,
  state: WireKind.STATE,
  result: WireKind.RESULT,
};

/** Which value a schema describes, as it goes over the wire. */
export function toSchemaKind(kind: SchemaKind): WireKind {
  return KINDS[kind];
}

/** A registered schema with its text. */
export function toSchema(schema: SchemaView): Schema {
  return create(SchemaSchema, { ...withoutText(schema), jsonSchema: schema.jsonSchema });
}

/** A registered schema as lists show it. */
export function toListedSchema(schema: SchemaView): Schema {
  return create(SchemaSchema, withoutText(schema));
}

function withoutText({ workflowId, kind, digest, registeredAt, current }: SchemaView) {
  return { workflowId, kind: KINDS[kind], digest, registerTime: toTimestamp(registeredAt), current };
}
