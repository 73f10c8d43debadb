import { create } from '@bufbuild/protobuf';
import type { BatchWorkflowInput } from './batch.js';
import { toChildFields } from './child-command.js';
import { approximateBytes } from './commands.js';
import { InvalidStepError, PayloadSizeError } from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { workflowIdOf } from './workflow-target.js';

/** Children that the server takes for one step. */
const CHILDREN_MAX = 10_000;

/** Bytes of all of them: with the largest state beside them they fit a message. */
const BATCH_BYTES_MAX = 3_080_192;

/** The ids of the workflows of a batch's items. @throws InvalidStepError for what are no items, or too many. */
export function readTargets(key: string, items: readonly BatchWorkflowInput[]): readonly string[] {
  if (!Array.isArray(items)) {
    throw new InvalidStepError(`step "${key}" needs an array of items, each with a workflow and its payload`);
  }
  if (items.length > CHILDREN_MAX) {
    const advice = 'start them in several steps';
    throw new InvalidStepError(
      `step "${key}" has ${items.length} items, more than the ${CHILDREN_MAX} that are allowed; ${advice}`,
    );
  }
  return items.map((item: BatchWorkflowInput | undefined) => workflowIdOf(item?.workflow));
}

/**
 * Makes the command that starts the children of a batch. What a child would refuse is refused here, as for a single one.
 * @throws SerializationError, PayloadValidationError, StateValidationError, StateSizeError, with the item's place;
 * PayloadSizeError for more than one message holds.
 */
export function toBatchCommand(key: string, items: readonly BatchWorkflowInput[], wait: boolean): Command {
  const children = items.map(({ workflow, payload, ...options }, index) =>
    toChildFields(`item ${index} of step "${key}"`, workflow, { payload, options }),
  );
  const command = create(CommandSchema, {
    command: { case: 'childrenStarted', value: { stepKey: key, children, wait } },
  });
  const bytes = approximateBytes(command);
  if (bytes > BATCH_BYTES_MAX) {
    throw new PayloadSizeError(
      `what the ${items.length} items of step "${key}" are started with together`,
      bytes,
      BATCH_BYTES_MAX,
      'start them in several steps, or pass references instead of data',
    );
  }
  return command;
}
