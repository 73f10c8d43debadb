import { hostname } from 'node:os';
import { pid } from 'node:process';
import { create } from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { toDeclarations } from './automatic-starts.js';
import { RetryPolicySchema } from './gen/polos/v1/execution_pb.js';
import { type WorkflowDefinition, WorkflowDefinitionSchema } from './gen/polos/v1/worker_pb.js';
import { type RegisterWorkerRequest, RegisterWorkerRequestSchema } from './gen/polos/v1/worker_service_pb.js';
import { type SchemaSide, toJsonSchemaText } from './json-schema.js';
import type { Logger } from './logger.js';
import { queueName } from './queue.js';
import { durationField, toDuration } from './time.js';
import { SDK_NAME, SDK_VERSION } from './version.js';
import type { AnyWorkflow } from './workflow.js';

/** What a worker registers. */
export interface RegistrationOptions {
  readonly workflows: readonly AnyWorkflow[];
  readonly deploymentId: string | undefined;
  readonly buildId: string | undefined;
  readonly maxConcurrentWorkflows: number;
  readonly logger: Logger;
}

/** Declares a worker's workflows with their schemas. A schema that cannot be written only costs the server's check. */
export async function toRegistration(options: RegistrationOptions): Promise<RegisterWorkerRequest> {
  const { workflows, deploymentId = '', buildId = '', maxConcurrentWorkflows, logger } = options;
  return create(RegisterWorkerRequestSchema, {
    workflows: await Promise.all(workflows.map((workflow) => toDefinition(workflow, logger))),
    deploymentId,
    buildId,
    sdkName: SDK_NAME,
    sdkVersion: SDK_VERSION,
    identity: `${hostname()}:${pid}`,
    maxConcurrentExecutions: maxConcurrentWorkflows,
  });
}

async function toDefinition(workflow: AnyWorkflow, logger: Logger): Promise<WorkflowDefinition> {
  const { config, id } = workflow;
  const { maxRetries, baseDelay, maxDelay, runTimeoutSeconds } = config;
  const write = async (what: string, schema: StandardSchemaV1 | undefined, side: SchemaSide) => {
    try {
      return (schema && (await toJsonSchemaText(schema, side))) ?? '';
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn(`the ${what} schema of "${id}" is not known to the server, because of this: ${reason}`);
      return '';
    }
  };
  const hasPolicy = maxRetries !== undefined || baseDelay !== undefined || maxDelay !== undefined;
  const retryPolicy = create(RetryPolicySchema, {
    ...(maxRetries !== undefined && { maxRetries }),
    ...(baseDelay !== undefined && { baseDelay: toDuration(baseDelay) }),
    ...(maxDelay !== undefined && { maxDelay: toDuration(maxDelay) }),
  });
  return create(WorkflowDefinitionSchema, {
    id,
    description: config.description ?? '',
    queue: queueName(config.queue),
    queueConcurrencyLimit: typeof config.queue === 'object' ? (config.queue.concurrencyLimit ?? 0) : 0,
    payloadSchema: await write('payload', config.payloadSchema, 'input'),
    stateSchema: await write('state', config.stateSchema, 'input'),
    resultSchema: await write('output', config.outputSchema, 'output'),
    ...(hasPolicy && { retryPolicy }),
    ...durationField('runTimeout', `runTimeoutSeconds of "${id}"`, runTimeoutSeconds),
    stateIndex: [...(config.stateIndex ?? [])],
    stateVersion: config.stateVersion ?? 1,
    ...toDeclarations(config),
  });
}
