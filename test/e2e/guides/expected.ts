import type { ExecutionOutcome } from './outcome.js';

const counted = (text: string, result: number): ExecutionOutcome => ({
  payload: { text },
  result,
  state: {},
  events: ['workflow_queued', 'workflow_start', 'step_finish count', 'workflow_finish'],
});

/** What the six examples come to in whatever language: by section, the executions of each workflow. */
export const EXPECTED: Readonly<Record<string, Readonly<Record<string, readonly ExecutionOutcome[]>>>> = {
  Hello: {
    hello: [
      {
        payload: { name: 'Ada' },
        result: { greeting: 'Hello, Ada!' },
        state: {},
        events: ['workflow_queued', 'workflow_start', 'step_finish greet', 'workflow_finish'],
      },
    ],
  },
  State: {
    stock: [
      {
        payload: { items: ['tea', 'salt'] },
        initialState: { counted: 100 },
        result: 107,
        state: { counted: 107, shelves: { tea: 3, salt: 4 } },
        events: [
          'workflow_queued',
          'workflow_start',
          'step_finish count_tea',
          'step_finish count_salt',
          'workflow_finish',
        ],
      },
    ],
  },
  Retries: {
    checkout: [
      {
        payload: { amount: 70 },
        result: 'declined',
        state: { status: 'declined', reason: 'over the limit' },
        events: [
          'workflow_queued',
          'workflow_start',
          'step_finish reserve',
          'step_fail charge',
          'workflow_finish',
        ],
      },
    ],
  },
  'Waiting for an event': {
    order: [
      {
        payload: { id: 'A-1', total: 50 },
        result: { payments: 2 },
        state: { paid: 50 },
        events: [
          'workflow_queued',
          'workflow_start',
          'step_wait_event payment_1',
          'step_finish payment_1',
          'step_wait_event payment_2',
          'step_finish payment_2',
          'step_finish ship',
          'workflow_finish',
        ],
      },
    ],
  },
  'Fan-out': {
    survey: [
      {
        payload: { texts: ['tea and milk', '', 'salt', 'a b'] },
        result: [3, null, 1, 2],
        state: { words: 6, failed: ['step "count" failed: there is nothing to count'] },
        events: [
          'workflow_queued',
          'workflow_start',
          'children_start count',
          'step_finish count',
          'workflow_finish',
        ],
      },
    ],
    count_words: [
      {
        payload: { text: '' },
        error: 'StepExecutionError: step "count" failed: there is nothing to count',
        state: {},
        events: ['workflow_queued', 'workflow_start', 'step_fail count', 'workflow_fail'],
      },
      counted('a b', 2),
      counted('salt', 1),
      counted('tea and milk', 3),
    ],
  },
  Compensation: {
    trip: [
      {
        payload: { parts: ['flight', 'hotel', 'car'] },
        result: 'cancelled: no car is left',
        state: { booked: [], cancelled: ['hotel', 'flight'] },
        events: [
          'workflow_queued',
          'workflow_start',
          'step_finish book_flight',
          'step_finish book_hotel',
          'step_fail book_car',
          'step_finish cancel_hotel',
          'step_finish cancel_flight',
          'workflow_finish',
        ],
      },
    ],
  },
};
