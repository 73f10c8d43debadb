import { create } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import {
  CompareSchemasResponseSchema,
  GetSchemaResponseSchema,
  ListSchemasResponseSchema,
  type WorkflowService,
} from '../gen/polos/v1/workflow_service_pb.js';
import {
  fromSchemaKind,
  fromSchemaReference,
  toComparison,
  toListedSchema,
  toSchema,
  toSchemaCheck,
} from './codec/schema.js';
import type { Methods } from './method.js';
import { decodeExecutionsToken } from './page-token.js';

type SchemaMethods = Pick<
  Methods<typeof WorkflowService>,
  'listSchemas' | 'getSchema' | 'compareSchemas' | 'checkSchema'
>;

const SCHEMAS_MAX = 1_000;

/** Executions of a page of CheckSchema. */
const PAGE_SIZE_DEFAULT = 500;

/** The methods of WorkflowService that are about schemas. */
export function schemaMethods(engine: EngineApi): SchemaMethods {
  return {
    async listSchemas({ workflowId }, { projectId }) {
      const schemas = await engine.listSchemas(projectId, workflowId === '' ? undefined : workflowId);
      return create(ListSchemasResponseSchema, {
        schemas: schemas.slice(0, SCHEMAS_MAX).map(toListedSchema),
      });
    },

    async getSchema({ digest }, { projectId }) {
      return create(GetSchemaResponseSchema, { schema: toSchema(await engine.getSchema(projectId, digest)) });
    },

    async compareSchemas({ before, after }, { projectId }) {
      const references = [fromSchemaReference(before), fromSchemaReference(after)] as const;
      const comparison = await engine.compareSchemas(projectId, ...references);
      return create(CompareSchemasResponseSchema, { comparison: toComparison(comparison) });
    },

    async checkSchema({ workflowId, kind, schema, pageSize, pageToken }, { projectId }) {
      const after = decodeExecutionsToken(pageToken);
      return toSchemaCheck(
        await engine.checkSchema(projectId, {
          ...{ workflowId, kind: fromSchemaKind(kind), schema: fromSchemaReference(schema) },
          limit: pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize,
          ...(after && { after }),
        }),
      );
    },
  };
}
