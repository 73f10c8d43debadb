import { create } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import {
  AwaitResultResponseSchema,
  CancelExecutionResponseSchema,
  GetExecutionResponseSchema,
  ListStepsResponseSchema,
  ListWorkersResponseSchema,
  PauseExecutionResponseSchema,
  PublishEventsResponseSchema,
  ResumeExecutionResponseSchema,
  UnpauseExecutionResponseSchema,
  WorkflowService,
} from '../gen/polos/v1/workflow_service_pb.js';
import { batchInvoke } from './batch-invoke.js';
import { toExecution, toExecutionStatus } from './codec/execution.js';
import { fromInvoke, toInvoked } from './codec/invoke.js';
import { fromPayload } from './codec/payload.js';
import { toSteps } from './codec/step.js';
import { fromDuration } from './codec/time.js';
import { fromPublication } from './codec/topic.js';
import { toWorkerInfo } from './codec/worker.js';
import { streamEvents } from './event-stream.js';
import { listExecutions } from './execution-list.js';
import type { RpcLog } from './log.js';
import { later, type Methods, type ServiceRoutes, serviceRoutes } from './method.js';
import { decodePlaceToken, encodePlaceToken } from './page-token.js';
import { scheduleMethods } from './schedule-methods.js';
import { schemaMethods } from './schema-methods.js';
import { getState, listStateRevisions, patchState, watchState } from './state-calls.js';

/** How long AwaitResult and Poll wait when the request does not say. */
export const WAIT_MS_DEFAULT = 30_000;

/** What callers use: workflow_service.proto. */
export function workflowService(engine: EngineApi, log: RpcLog): ServiceRoutes {
  const methods: Methods<typeof WorkflowService> = {
    async invoke(request, { projectId }) {
      return toInvoked(await engine.invoke(fromInvoke(request, projectId)));
    },

    batchInvoke(request, call) {
      return batchInvoke({ engine, log }, request, call);
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
      const { steps, next } = await engine.listSteps(projectId, executionId, decodePlaceToken(pageToken));
      return create(ListStepsResponseSchema, {
        steps: toSteps(steps),
        nextPageToken: encodePlaceToken(next),
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

    async pauseExecution({ executionId }, { projectId }) {
      await engine.pause(projectId, executionId);
      return create(PauseExecutionResponseSchema);
    },

    async unpauseExecution({ executionId }, { projectId }) {
      await engine.unpause(projectId, executionId);
      return create(UnpauseExecutionResponseSchema);
    },

    streamEvents(request, call) {
      return streamEvents(engine, request, call);
    },

    async publishEvents(request, { projectId }) {
      const sequences = await engine.publish(projectId, fromPublication(request));
      return create(PublishEventsResponseSchema, { sequences: sequences.map(BigInt) });
    },

    getState: (request, call) => getState(engine, request, call),
    listStateRevisions: (request, call) => listStateRevisions(engine, request, call),
    watchState: (request, call) => watchState(engine, request, call),
    patchState: (request, call) => patchState(engine, request, call),

    async listWorkers(_request, { projectId }) {
      const workers = await engine.listWorkers(projectId);
      return create(ListWorkersResponseSchema, { workers: workers.map(toWorkerInfo) });
    },

    forkExecution: later('ForkExecution'),
    ...scheduleMethods(engine),
    ...schemaMethods(engine),
  };
  return serviceRoutes(WorkflowService, methods);
}
