import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readChildArguments, toChildCommand } from './child-command.js';
import { PayloadValidationError, SerializationError, StateValidationError } from './errors.js';
import { defineWorkflow } from './workflow.js';

describe('the arguments of invokeAndWait', () => {
  it.each([
    [
      'an object with payload and options',
      [{ payload: 1, initialState: { a: 1 } }],
      1,
      { initialState: { a: 1 } },
    ],
    ['an object with nothing but a payload', [{ payload: { x: 1 } }], { x: 1 }, {}],
    ['a payload that is undefined', [{ payload: undefined, queue: 'q' }], undefined, { queue: 'q' }],
  ])('are read as one object: %s', (_, rest, payload, options) => {
    expect(readChildArguments(rest)).toEqual({ payload, options });
  });

  it.each([
    ['an object without a payload', [{ initialState: {} }], { initialState: {} }, {}],
    ['an object with other members', [{ payload: 1, amount: 2 }], { payload: 1, amount: 2 }, {}],
    ['a text', ['x'], 'x', {}],
    ['an array', [[1]], [1], {}],
    ['nothing', [], undefined, {}],
    ['a fourth argument', [{ payload: 1 }, {}], { payload: 1 }, {}],
    ['a fourth argument with options', [5, { priority: 1 }], 5, { priority: 1 }],
    ['an inherited payload', [Object.create({ payload: 1 })], {}, {}],
  ])('are read as the payload itself: %s', (_, rest, payload, options) => {
    expect(readChildArguments(rest)).toEqual({ payload, options });
  });
});

describe('a child', () => {
  const child = defineWorkflow(
    {
      id: 'child',
      payloadSchema: z.object({ n: z.number() }),
      stateSchema: z.object({ mode: z.string().default('slow') }),
    },
    () => 1,
    { autoRegister: false },
  );

  it('is refused a payload that does not fit its schema', () => {
    const start = () => toChildCommand('k', child, { payload: { n: 'x' }, options: {} }, true);
    expect(start).toThrow(PayloadValidationError);
    expect(start).toThrow('/n');
  });

  it('is refused a state that does not fit its schema', () => {
    const options = { initialState: { mode: 5 } };
    expect(() => toChildCommand('k', child, { payload: { n: 1 }, options }, true)).toThrow(
      StateValidationError,
    );
  });

  it('is refused what JSON cannot hold', () => {
    const start = () => toChildCommand('k', 'other', { payload: { at: new Date(0) }, options: {} }, true);
    expect(start).toThrow(SerializationError);
    expect(start).toThrow('/at');
  });
});
