import { create } from '@bufbuild/protobuf';
import { InvalidStepError } from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { toPayload } from './payload.js';
import type { ResumeOptions } from './step.js';

/**
 * Makes the command that resumes a step of another execution.
 * @throws InvalidStepError unless execution and step are named; SerializationError, PayloadSizeError for the data.
 */
export function resumeCommand(key: string, options: ResumeOptions): Command {
  const { suspendExecutionId, suspendStepKey, data } = options ?? {};
  for (const [name, value] of Object.entries({ suspendExecutionId, suspendStepKey })) {
    if (typeof value !== 'string' || value === '') {
      throw new InvalidStepError(`step "${key}" needs ${name}: the text that names what it is to resume`);
    }
  }
  const payload = toPayload(data, { what: `the data of step "${key}"` });
  const value = {
    stepKey: key,
    executionId: suspendExecutionId,
    suspendedStepKey: suspendStepKey,
    ...(payload !== undefined && { data: payload }),
  };
  return create(CommandSchema, { command: { case: 'resumeSent', value } });
}
