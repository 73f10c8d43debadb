import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Command, Option } from 'commander';
import { RetryPolicySchema } from '../gen/polos/v1/execution_pb.js';
import { type InvokeRequestSchema, InvokeResponseSchema } from '../gen/polos/v1/workflow_service_pb.js';
import type { Call, OutputOption, RunCall } from './call.js';
import { toDocument } from './document.js';
import { DURATION_FORM, parseDuration } from './duration.js';
import { readJsonArgument, readPayloadArgument } from './json-argument.js';
import { outputOption, parseInteger, parseText } from './options.js';
import { Recovery } from './recovery.js';
import { awaitFinal, explainWaiting, reportResult } from './result.js';
import { ExitStatus, UsageError } from './usage-error.js';

/** Adds `invoke`. */
export function addInvokeCommand(program: Command, runCall: RunCall): void {
  program
    .command('invoke')
    .summary('start an execution of a workflow')
    .description('Starts an execution of a workflow. Prints its id, or with --wait its result.')
    .argument('<workflow>', "the workflow's id")
    .option('--payload <json>', 'what the handler receives: JSON, @FILE, or - for stdin')
    .option('--initial-state <json>', 'the state to start with: a JSON object, @FILE, or - for stdin')
    .option('--wait', 'wait for the result; the exit status is 1 unless the execution completes')
    .option(
      '--idempotency-key <key>',
      'makes it safe to repeat this command: one key, one execution',
      parseText,
    )
    .option('--execution-id <uuid>', 'the id to give it, a UUID of version 7', parseText)
    .option('--queue <name>', 'the queue to wait in', parseText)
    .option('--concurrency-key <key>', "the key under which the queue's concurrency is limited", parseText)
    .option('--priority <number>', 'larger goes first, -100 to 100', parseInteger({ from: -100, to: 100 }))
    .option('--start-delay <duration>', `how long to wait before it may start, ${DURATION_FORM}`)
    .option('--run-timeout <duration>', `how long it may run in all, ${DURATION_FORM}`)
    .option(
      '--max-retries <number>',
      'how often a failed handler runs again',
      parseInteger({ from: 0, to: 1000 }),
    )
    .option('--session-id <id>', 'the session it belongs to', parseText)
    .option('--user-id <id>', 'the user on whose behalf it runs', parseText)
    .option('--deployment-id <id>', 'the deployment that it is meant for', parseText)
    .addOption(
      new Option('--attribute <name=value>', 'a search attribute; may be repeated')
        .argParser(addAttribute)
        .default({}, 'none'),
    )
    .addOption(outputOption())
    .action((workflowId: string, options: InvokeOptions) =>
      runCall(options, async (call) => invoke(call, await toRequest(workflowId, options), options)),
    );
}

interface InvokeOptions extends OutputOption {
  readonly payload?: string;
  readonly initialState?: string;
  readonly wait?: true;
  readonly idempotencyKey?: string;
  readonly executionId?: string;
  readonly queue?: string;
  readonly concurrencyKey?: string;
  readonly priority?: number;
  readonly startDelay?: string;
  readonly runTimeout?: string;
  readonly maxRetries?: number;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly deploymentId?: string;
  readonly attribute: Readonly<Record<string, string>>;
}

type InvokeInit = MessageInitShape<typeof InvokeRequestSchema>;

async function toRequest(workflowId: string, options: InvokeOptions): Promise<InvokeInit> {
  const { payload, initialState, startDelay, runTimeout, maxRetries, attribute } = options;
  const { idempotencyKey, executionId, queue, concurrencyKey, priority, sessionId, userId, deploymentId } =
    options;
  if (payload === '-' && initialState === '-') {
    throw new UsageError(
      '--payload and --initial-state cannot both be read from stdin; use @FILE for one of them',
    );
  }
  const input = await readPayloadArgument('--payload', payload);
  const state =
    initialState === undefined ? undefined : await readJsonArgument('--initial-state', initialState);
  return {
    workflowId,
    ...(input && { payload: input }),
    ...(state !== undefined && { initialState: state }),
    ...(startDelay && { startDelay: parseDuration('--start-delay', startDelay) }),
    ...(runTimeout && { runTimeout: parseDuration('--run-timeout', runTimeout) }),
    ...(maxRetries !== undefined && { retryPolicy: create(RetryPolicySchema, { maxRetries }) }),
    ...(priority !== undefined && { priority }),
    searchAttributes: attribute,
    idempotencyKey: idempotencyKey ?? '',
    executionId: executionId ?? '',
    queue: queue ?? '',
    concurrencyKey: concurrencyKey ?? '',
    sessionId: sessionId ?? '',
    userId: userId ?? '',
    deploymentId: deploymentId ?? '',
  };
}

async function invoke(call: Call, request: InvokeInit, { wait }: InvokeOptions): Promise<ExitStatus> {
  const response = await call.client.invoke(request);
  const { executionId, created } = response;
  const document = toDocument(InvokeResponseSchema, response);
  const started = created ? 'started' : 'was started by an earlier call with the same idempotency key';
  if (wait) {
    call.remark(`execution ${executionId} ${started}`);
    const recovery = new Recovery(call);
    recovery.succeeded();
    return reportResult(call, await awaitFinal(call, { executionId, recovery }), document);
  }
  call.answer(document, () => executionId);
  if (!call.isJson) await explainNext(call, executionId, started);
  return ExitStatus.done;
}

async function explainNext(call: Call, executionId: string, started: string): Promise<void> {
  call.remark(`${started}; follow it with: polos execution events ${executionId} --follow`);
  try {
    const { execution } = await call.client.getExecution({ executionId });
    if (execution) explainWaiting(call, execution);
  } catch {
    // The execution is started, which is what was asked for; the rest is courtesy.
  }
}

function addAttribute(text: string, attributes: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--attribute "${text}" should be NAME=VALUE`);
  return { ...attributes, [text.slice(0, at)]: text.slice(at + 1) };
}
