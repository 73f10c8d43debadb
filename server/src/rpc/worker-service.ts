import { create } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import {
  ExtendLeasesResponseSchema,
  PollResponseSchema,
  WorkerService,
} from '../gen/polos/v1/worker_service_pb.js';
import { fromCompletion, fromExtension } from './codec/command.js';
import { fromDuration } from './codec/time.js';
import { fromRegistration, toAssignment, toCompletion, toLeaseReport, toRegistered } from './codec/worker.js';
import { type Methods, type ServiceRoutes, serviceRoutes } from './method.js';
import { unavailable } from './refusals.js';
import { WAIT_MS_DEFAULT } from './workflow-service.js';

/** What workers use, without the stream: worker_service.proto. */
export function workerService(engine: EngineApi): ServiceRoutes {
  const methods: Methods<typeof WorkerService> = {
    async registerWorker(request, { projectId }) {
      return toRegistered(await engine.registerWorker(fromRegistration(request, projectId)));
    },

    async poll({ workerId, maxExecutions, wait }, { projectId, signal }) {
      // An empty answer at once would make workers ask in a tight loop until the server is gone.
      if (signal.aborted) throw unavailable('the server is about to stop');
      const waitMs = wait ? fromDuration(wait) : WAIT_MS_DEFAULT;
      const max = maxExecutions === 0 ? 1 : maxExecutions;
      const assignments = await engine.poll(projectId, workerId, { max, waitMs, signal });
      return create(PollResponseSchema, { assignments: assignments.map(toAssignment) });
    },

    async completeStep(request, { projectId }) {
      return toCompletion(await engine.complete(projectId, fromCompletion(request)));
    },

    async extendLeases(request, { projectId }) {
      const reports = await engine.extendLeases(projectId, ...fromExtension(request));
      return create(ExtendLeasesResponseSchema, { reports: reports.map(toLeaseReport) });
    },
  };
  return serviceRoutes(WorkerService, methods);
}
