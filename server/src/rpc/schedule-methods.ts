import { create } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import {
  CreateScheduleResponseSchema,
  DeleteScheduleResponseSchema,
  ListSchedulesResponseSchema,
  PauseScheduleResponseSchema,
  TriggerScheduleResponseSchema,
  UnpauseScheduleResponseSchema,
  type WorkflowService,
} from '../gen/polos/v1/workflow_service_pb.js';
import { fromSchedule, toSchedule } from './codec/schedule.js';
import type { Methods } from './method.js';
import { decodeScheduleToken, encodeScheduleToken } from './page-token.js';
import { invalidField } from './refusals.js';

type ScheduleMethods = Pick<
  Methods<typeof WorkflowService>,
  | 'createSchedule'
  | 'listSchedules'
  | 'pauseSchedule'
  | 'unpauseSchedule'
  | 'triggerSchedule'
  | 'deleteSchedule'
>;

/** The methods of WorkflowService that are about schedules. */
export function scheduleMethods(engine: EngineApi): ScheduleMethods {
  return {
    async createSchedule({ schedule }, { projectId }) {
      if (!schedule) throw invalidField('schedule', 'value is required');
      const view = await engine.putSchedule(projectId, fromSchedule(schedule));
      return create(CreateScheduleResponseSchema, { schedule: toSchedule(view) });
    },

    async listSchedules({ workflowId, pageToken }, { projectId }) {
      const { schedules, next } = await engine.listSchedules(
        projectId,
        workflowId === '' ? undefined : workflowId,
        decodeScheduleToken(pageToken),
      );
      return create(ListSchedulesResponseSchema, {
        schedules: schedules.map(toSchedule),
        nextPageToken: encodeScheduleToken(next),
      });
    },

    async pauseSchedule({ scheduleId }, { projectId }) {
      const view = await engine.pauseSchedule(projectId, scheduleId, true);
      return create(PauseScheduleResponseSchema, { schedule: toSchedule(view) });
    },

    async unpauseSchedule({ scheduleId }, { projectId }) {
      const view = await engine.pauseSchedule(projectId, scheduleId, false);
      return create(UnpauseScheduleResponseSchema, { schedule: toSchedule(view) });
    },

    async triggerSchedule({ scheduleId, idempotencyKey }, { projectId }) {
      const key = idempotencyKey === '' ? undefined : idempotencyKey;
      const executionId = await engine.triggerSchedule(projectId, scheduleId, key);
      return create(TriggerScheduleResponseSchema, { executionId });
    },

    async deleteSchedule({ scheduleId }, { projectId }) {
      await engine.deleteSchedule(projectId, scheduleId);
      return create(DeleteScheduleResponseSchema);
    },
  };
}
