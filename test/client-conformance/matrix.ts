/** How a scenario went: it passed, failed, or failed as is known. */
export type Mark = 'passed' | 'failed' | 'known';

const SIGNS: Readonly<Record<Mark, string>> = { passed: '.', failed: 'F', known: 'k' };

/** Which scenario went how, by what it was played with and on: a line for each file, a column for each way to play. */
export class Matrix {
  readonly #areas: readonly { readonly name: string; readonly scenarios: readonly string[] }[];
  readonly #columns = new Map<string, Map<string, Mark>>();

  constructor(scenarios: readonly { readonly name: string; readonly area: string }[]) {
    const areas = [...new Set(scenarios.map(({ area }) => area))];
    this.#areas = areas.map((name) => ({
      name,
      scenarios: scenarios.filter(({ area }) => area === name).map((scenario) => scenario.name),
    }));
  }

  /** Notes how a scenario went. */
  note(column: string, scenario: string, mark: Mark): void {
    const marks = this.#columns.get(column) ?? new Map<string, Mark>();
    marks.set(scenario, mark);
    this.#columns.set(column, marks);
  }

  /** The matrix as text: a sign for each scenario, in the order of its file. */
  print(): string {
    const columns = [...this.#columns].map(([name, marks], index) => ({
      name,
      marks,
      letter: String.fromCharCode('A'.charCodeAt(0) + index),
    }));
    const left = Math.max(...this.#areas.map(({ name }) => name.length));
    const width = Math.max(...this.#areas.map(({ scenarios }) => scenarios.length));
    const line = (first: string, cells: readonly string[]) =>
      [first.padEnd(left), ...cells.map((cell) => cell.padEnd(width))].join('  ').trimEnd();
    return [
      line(
        '',
        columns.map(({ letter }) => letter),
      ),
      ...this.#areas.map(({ name, scenarios }) =>
        line(
          name,
          columns.map(({ marks }) => scenarios.map((scenario) => signOf(marks.get(scenario))).join('')),
        ),
      ),
      ...columns.map(({ letter, name, marks }) => `${letter}  ${name}: ${summary([...marks.values()])}`),
      '. passed, F failed, k failed as is known, blank not played',
    ].join('\n');
  }
}

function summary(marks: readonly Mark[]): string {
  const count = (wanted: Mark) => marks.filter((mark) => mark === wanted).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('known')} known`;
}

function signOf(mark: Mark | undefined): string {
  return mark === undefined ? ' ' : SIGNS[mark];
}
