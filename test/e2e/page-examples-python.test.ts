import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, type TestContext, test } from 'vitest';
import { root, Stage } from './cli-process.js';
import { need, PYTHON, run } from './clients-server.js';
import { pageBlock } from './page-program.js';

/** The page itself, for whoever has it beside the repository. */
const PAGE = join(root, '../shared/reference/workflow-state.txt');
const NAMES = ['batch-processor', 'parent-and-child', 'invoke-parent', 'config-state'];

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

// What the page uses without defining or importing it.
const BATCH_PRELUDE = `
import asyncio
import json

from pydantic import BaseModel

from polos import PolosClient, Worker


class BatchProcessorInput(BaseModel):
    timestamp: str
    items: list[str]


class BatchProcessorOutput(BaseModel):
    processed: int
    failed: int


def process_item(item: str) -> str:
    if item == "bad":
        raise ValueError("it cannot be processed")
    return item.upper()

`;

const BATCH_INVOCATION = `

async def main() -> None:
    client = PolosClient()
    worker = Worker(client, workflows=[batch_processor])
    working = asyncio.create_task(worker.run())
    execution = batch_processor(client, BatchProcessorInput(timestamp="2026-11-22T08:00:00Z", items=["a", "bad", "b"]))
    result = await execution
    print(json.dumps({"result": result, "state": (await execution.state()).value}))
    await worker.shutdown()
    await working
    await client.close()

`;

const PARENT_PRELUDE = `
import asyncio
import json
from typing import Any

from pydantic import BaseModel

from polos import PolosClient, Worker, WorkflowContext, WorkflowState, workflow


class ParentInput(BaseModel):
    data: dict[str, Any]


class ChildInput(BaseModel):
    data: dict[str, Any]


async def process_data(data: dict[str, Any]) -> int:
    return data["resume_from"] * 2

`;

const PARENT_WORKER = `
worker = Worker(PolosClient(), workflows=[parent_workflow, child_workflow])
working = asyncio.create_task(worker.run())
`;

const PARENT_END = `
print(json.dumps(result))
await worker.shutdown()
await working
await client.close()
`;

test('the batch processor counts what went well and notes what did not', async (context) => {
  const blocks = [pageBlock('batch-processor', 'py'), BATCH_INVOCATION, 'await main()'];
  const lines = await runPage(context, [BATCH_PRELUDE, ...blocks]);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      result: { processed: 2, failed: 1 },
      state: { processed_count: 2, failed_items: ['bad'], started_at: '2026-11-22T08:00:00Z' },
    },
  ]);
});

test('a parent starts its child with an initial state, and is started with one itself', async (context) => {
  const invocation = pageBlock('invoke-parent', 'py');
  const blocks = [pageBlock('parent-and-child', 'py'), PARENT_WORKER, invocation, PARENT_END];
  const lines = await runPage(context, [PARENT_PRELUDE, ...blocks]);
  const [parent] = await newest('parent_workflow');
  const [child] = await newest('child_workflow');
  expect(lines).toEqual([`Parent ID: ${parent}`, "Config: {'mode': 'production'}", '{"processed": true}']);
  expect(await stateOf(parent!)).toEqual({ tasks_started: 11 });
  expect(await stateOf(child!)).toEqual({ parent_id: parent, config: { mode: 'production' } });
});

test('the state of the best practices has its defaults', async (context) => {
  const parts = ['from polos import WorkflowState\n', pageBlock('config-state', 'py')];
  const lines = await runPage(context, [...parts, 'print(ConfigState().model_dump_json())']);
  expect(lines).toEqual(['{"retry_limit":3,"timeout_seconds":30,"debug_mode":false}']);
});

test('the programs of the page type-check', async (context) => {
  need(PYTHON, context);
  const blocks = [pageBlock('batch-processor', 'py'), BATCH_INVOCATION, pageBlock('parent-and-child', 'py')];
  const invocation = `async def invoke() -> None:\n${pageBlock('invoke-parent', 'py').replace(/^(?=.)/gm, '    ')}`;
  const program = [BATCH_PRELUDE, PARENT_PRELUDE, ...blocks, invocation, pageBlock('config-state', 'py')];
  const args = ['-m', 'mypy', '--check-untyped-defs', '--cache-dir', '/dev/null', write(program)];
  const { status, stdout } = await run(PYTHON, args, { environment: ENVIRONMENT });
  expect(status, stdout).toBe(0);
});

test.skipIf(!existsSync(PAGE))('the code blocks are those of the page', () => {
  const blocks = readFileSync(PAGE, 'utf8').matchAll(/^ {2}```python .*\n([\s\S]*?)^ {2}```$/gm);
  const onPage = Array.from(blocks, ([, block]) => block!.replace(/^ {2}/gm, ''));
  expect(NAMES.map((name) => pageBlock(name, 'py'))).toEqual(onPage);
});

const ENVIRONMENT = {
  PYTHONPATH: join(root, 'clients/python/src'),
  MYPYPATH: join(root, 'clients/python/src'),
};

/** Runs a program against the server, with nothing in the environment but where that is. @returns what it printed. */
async function runPage(context: TestContext, parts: readonly string[]): Promise<string[]> {
  need(PYTHON, context);
  const args = ['-W', 'error', 'test/e2e/programs/page_program.py', write(parts)];
  const environment = { ...ENVIRONMENT, POLOS_API_URL: stage.url };
  const { status, stdout, stderr } = await run(PYTHON, args, { environment });
  expect(status, stderr).toBe(0);
  return stdout.trimEnd().split('\n');
}

function write(parts: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'polos-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'program.py');
  writeFileSync(path, parts.join('\n'));
  return path;
}

/** The ids of a workflow's executions, newest first. */
async function newest(workflow: string): Promise<string[]> {
  const { executions } = await stage.json('execution', 'list', '--workflow', workflow);
  return (executions as { id: string }[]).map(({ id }) => id);
}

async function stateOf(executionId: string): Promise<unknown> {
  return (await stage.json('execution', 'state', executionId)).state;
}
