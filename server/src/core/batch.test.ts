import { expect, test } from 'vitest';
import { batchResult, briefOf } from './batch.js';
import type { BatchChild, StepOutcome } from './step.js';

const failed = (message: string, type = 'Error'): StepOutcome => ({
  type: 'failed',
  failure: {
    type,
    message,
    retryable: true,
    stack: 'at a.ts',
    cause: { type: 'C', message: '', retryable: true },
  },
});

function resultOf(outcomes: readonly StepOutcome[]): unknown {
  const children = outcomes.map((outcome, n): BatchChild => ({ id: `c${n}`, workflowId: 'w"', outcome }));
  const result = batchResult(children);
  return JSON.parse(
    result.type === 'completed' && result.result && 'json' in result.result ? result.result.json : '',
  );
}

test('what a batch comes to is JSON, whatever the texts in it', () => {
  expect(
    resultOf([
      { type: 'completed', result: { json: ' {"a": [1.50]} ' } },
      { type: 'completed', result: { json: 'null' } },
      { type: 'completed' },
      failed('no "quotes"\n\u2028', '<E>'),
    ]),
  ).toEqual([
    { workflowId: 'w"', executionId: 'c0', success: true, result: { a: [1.5] } },
    { workflowId: 'w"', executionId: 'c1', success: true, result: null },
    { workflowId: 'w"', executionId: 'c2', success: true },
    {
      workflowId: 'w"',
      executionId: 'c3',
      success: false,
      error: { type: '<E>', message: 'no "quotes"\n\u2028' },
    },
  ]);
});

test('a failure is kept by its type and message only', () => {
  expect(briefOf(failed('no'), 3)).toEqual({
    type: 'failed',
    failure: { type: 'Error', message: 'no', retryable: true },
  });
});

test.each([
  [1, 524_288],
  [1_000, 524],
  [10_000, 52],
])('of %i failures each message may take %i characters', (count, length) => {
  const brief = (text: string) => {
    const outcome = briefOf(failed(text), count);
    return outcome.type === 'failed' ? outcome.failure.message : '';
  };
  expect(brief('x'.repeat(length))).toBe('x'.repeat(length));
  expect(brief('x'.repeat(length + 1))).toBe(`${'x'.repeat(length - 3)}...`);
  // A cut within a character of two units leaves no half of it.
  const cut = brief(`${'x'.repeat(length - 4)}😀${'x'.repeat(10)}`);
  expect(cut.isWellFormed()).toBe(true);
  expect(cut).toHaveLength(length);
});

test('a result of bytes is left out, because JSON cannot hold it', () => {
  const bytes: StepOutcome = { type: 'completed', result: { data: new Uint8Array([1]), encoding: 'e' } };
  expect(briefOf(bytes, 1)).toEqual({ type: 'completed' });
});
