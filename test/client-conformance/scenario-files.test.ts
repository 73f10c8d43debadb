import { describe, expect, test } from 'vitest';
import { parseScenarios, readScenarios } from './scenario-files.js';

const parse = (text: string) => parseScenarios('some.yaml', text);

test('a scenario without `when` starts a worker and invokes its first workflow', () => {
  const [scenario] = parse(`
- scenario: a workflow returns its payload
  workflow: { do: [return: !get payload] }
  payload: 5
  expect: { result: 5 }`);
  expect(scenario).toMatchObject({
    area: 'some',
    workflows: [{ id: 'main', do: [{ return: { '!get': 'payload' } }] }],
    when: [{ start: 'worker' }, { invoke: 'main', payload: 5 }],
    harmsWorkers: false,
    needsOwnServer: false,
  });
});

test('large values are written in few words', () => {
  const [scenario] = parse(`
- scenario: large values in an expectation
  workflow: { do: [return: 1] }
  expect: { result: [!repeat ["ab", 3], !list [0, 2], !nested [1, 2]] }`);
  expect(scenario?.expect?.result).toEqual(['ababab', [0, 0], [[1]]]);
});

describe('a file that holds no scenarios is refused with the place', () => {
  test.each([
    [
      'a verb that does not exist',
      'do: [{ stepp: a }]',
      /"a scenario of some sort" \/ workflow \/ do \/ 0: .*step, uuid/,
    ],
    ['a member that does not belong to its verb', 'do: [{ step: a, seconds: 1 }]', /step: .*"seconds"/],
    [
      'a mistake in a branch',
      'do: [{ parallel: [[{ wait: 5, seconds: 1 }]] }]',
      /parallel \/ 0 \/ 0 \/ wait/,
    ],
    ['a pointer without its slash', 'do: [{ set: { a: 1 } }]', /set \/ a/],
    ['a tag that does not exist', 'do: [return: !nonsense 1]', /nonsense/],
  ])('%s', (_, workflow, message) => {
    const text = `
- scenario: a scenario of some sort
  workflow: { ${workflow} }
  expect: { result: 1 }`;
    expect(() => parse(text)).toThrow(message);
  });

  test.each([
    ['that expects nothing', 'workflow: { do: [return: 1] }', /expects nothing/],
    ['without a workflow', 'expect: { result: 1 }', /either workflow or workflows/],
    [
      'with an action that does not exist',
      'workflow: { do: [return: 1] }\n  when: [{ wake: main }]',
      /verbs start, kill/,
    ],
    ['with an unknown member', 'workflow: { do: [return: 1] }\n  expects: { result: 1 }', /"expects"/],
  ])('a scenario %s', (_, members, message) => {
    expect(() => parse(`\n- scenario: a scenario of some sort\n  ${members}`)).toThrow(message);
  });
});

test('there are scenarios for everything that the SDKs can do, each under a name of its own', () => {
  const scenarios = readScenarios();
  expect(scenarios.length).toBeGreaterThan(200);
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
});
