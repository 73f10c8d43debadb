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
    const widths = [...this.#columns.keys()].map((name) =>
      Math.max(name.length, ...this.#areas.map(({ scenarios }) => scenarios.length)),
    );
    const left = Math.max(...this.#areas.map(({ name }) => name.length));
    const columns = [...this.#columns];
    const head = columns.map(([name], index) => name.padEnd(widths[index] ?? 0)).join('  ');
    const lines = this.#areas.map(({ name, scenarios }) => {
      const cells = columns.map(([, marks], index) => {
        const signs = scenarios.map((scenario) => signOf(marks.get(scenario))).join('');
        return signs.padEnd(widths[index] ?? 0);
      });
      return `${name.padEnd(left)}  ${cells.join('  ')}`;
    });
    const legend = '. passed, F failed, k failed as known, blank not played';
    return [`${' '.repeat(left)}  ${head}`, ...lines, legend].map((line) => line.trimEnd()).join('\n');
  }
}

function signOf(mark: Mark | undefined): string {
  return mark === undefined ? ' ' : SIGNS[mark];
}
