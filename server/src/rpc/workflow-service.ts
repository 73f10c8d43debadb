import { create } from '@bufbuild/protobuf';
import type { EngineApi, StatePoint } from '../engine/api.js';
import {
  AwaitResultResponseSchema,
  CancelExecutionResponseSchema,
  GetExecutionResponseSchema,
  GetSchemaResponseSchema,
  type GetStateRequest,
  GetStateResponseSchema,
  ListSchemasResponseSchema,
  ListStepsResponseSchema,
  ListWorkersResponseSchema,
  ResumeExecutionResponseSchema,
  WorkflowService,
} from '../gen/polos/v1/workflow_service_pb.js';
import { toExecution, toExecutionStatus } from './codec/execution.js';
import { fromInvoke, toInvoked } from './codec/invoke.js';
import { fromPayload } from './codec/payload.js';
import { toListedSchema, toSchema } from './codec/schema.js';
import { toSteps } from './codec/step.js';
import { fromDuration, fromTimestamp, toTimestamp } from './codec/time.js';
import { toWorkerInfo } from './codec/worker.js';
import { streamEvents } from './event-stream.js';
import { listExecutions } from './execution-list.js';
import { later, type Methods, type ServiceRoutes, serviceRoutes } from './method.js';
import { decodeStepsToken, encodeStepsToken } from './page-token.js';
import { declaredForLater } from './refusals.js';

/** How long AwaitResult and Poll wait when the request does not say. */
export const WAIT_MS_DEFAULT = 30_000;

/** What callers use: workflow_service.proto. */
export function workflowService(engine: EngineApi): ServiceRoutes {
  const methods: Methods<typeof WorkflowService> = {
    async invoke(request, { projectId }) {
      return toInvoked(await engine.invoke(fromInvoke(request, projectId)));
    },

    async getExecution({ executionId }, { projectId }) {
      const view = await engine.getExecution(projectId, executionId);
      return create(GetExecutionResponseSchema, { execution: toExecution(view) });
    },

    async awaitResult({ executionId, wait }, { projectId, signal }) {
      const waitMs = wait ? fromDuration(wait) : WAIT_MS_DEFAULT;
      const view = await engine.awaitResult(projectId, executionId, { waitMs, signal });
      return create(AwaitResultResponseSchema, { execution: toExecution(view) });
    },

    listExecutions(request, { projectId }) {
      return listExecutions(engine, projectId, request);
    },

    async listSteps({ executionId, pageToken }, { projectId }) {
      const { steps, next } = await engine.listSteps(projectId, executionId, decodeStepsToken(pageToken));
      return create(ListStepsResponseSchema, {
        steps: toSteps(steps),
        nextPageToken: encodeStepsToken(next),
      });
    },

    async cancelExecution({ executionId }, { projectId }) {
      const status = await engine.cancel(projectId, executionId);
      return create(CancelExecutionResponseSchema, { status: toExecutionStatus(status) });
    },

    async resumeExecution({ executionId, stepKey, data }, { projectId }) {
      const payload = fromPayload(data, 'data');
      await engine.resume(projectId, executionId, { stepKey, ...(payload && { data: payload }) });
      return create(ResumeExecutionResponseSchema);
    },

    streamEvents(request, call) {
      return streamEvents(engine, request, call);
    },

    async getState(request, { projectId }) {
      if (request.fieldMask) throw declaredForLater('GetStateRequest.field_mask');
      const { json, revision, updatedAt, bytes, final } = await engine.state(
        projectId,
        request.executionId,
        fromPoint(request),
      );
      const times = { updateTime: toTimestamp(updatedAt), sizeBytes: BigInt(bytes) };
      return create(GetStateResponseSchema, { state: { json, revision: BigInt(revision), ...times, final } });
    },

    async listSchemas({ workflowId }, { projectId }) {
      const schemas = await engine.listSchemas(projectId, workflowId === '' ? undefined : workflowId);
      return create(ListSchemasResponseSchema, {
        schemas: schemas.slice(0, SCHEMAS_MAX).map(toListedSchema),
      });
    },

    async getSchema({ digest }, { projectId }) {
      return create(GetSchemaResponseSchema, { schema: toSchema(await engine.getSchema(projectId, digest)) });
    },

    async listWorkers(_request, { projectId }) {
      const workers = await engine.listWorkers(projectId);
      return create(ListWorkersResponseSchema, { workers: workers.map(toWorkerInfo) });
    },

    batchInvoke: later('BatchInvoke'),
    pauseExecution: later('PauseExecution'),
    unpauseExecution: later('UnpauseExecution'),
    forkExecution: later('ForkExecution'),
    publishEvents: later('PublishEvents'),
    watchState: later('WatchState'),
    listStateRevisions: later('ListStateRevisions'),
    createSchedule: later('CreateSchedule'),
    listSchedules: later('ListSchedules'),
    deleteSchedule: later('DeleteSchedule'),
  };
  return serviceRoutes(WorkflowService, methods);
}

const SCHEMAS_MAX = 1_000;

function fromPoint({ at }: GetStateRequest): StatePoint | undefined {
  switch (at.case) {
    case 'revision':
      return { revision: Number(at.value) };
    case 'time':
      return { time: fromTimestamp(at.value) };
    case undefined:
      return undefined;
  }
}
