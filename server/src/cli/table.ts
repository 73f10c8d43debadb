import { stripVTControlCharacters } from 'node:util';

/** A column: its heading and the text of each row in it. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
  /** Numbers go to the right. */
  readonly align?: 'left' | 'right';
}

/** Lines up rows under headings, two spaces apart. Long cells are not cut: ids must stay whole to be copied. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ text }) => text(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => shownLength(line[index] ?? ''))));
  return lines
    .map((line) => line.map((cell, index) => padded(cell, widths[index] ?? 0, columns[index]?.align)))
    .map((cells) => cells.join('  ').trimEnd())
    .join('\n');
}

/** Lines up names and values; values of several lines stay under themselves. Values that are empty are left out. */
export function fieldList(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length)) + 2;
  return shown
    .map(([name, value]) => name.padEnd(width) + value.replaceAll('\n', `\n${' '.repeat(width)}`))
    .join('\n');
}

/** Cuts a text that is one line to a length, with an ellipsis. */
export function cut(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, Math.max(0, lengthMax - 1))}…` : text;
}

function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - shownLength(text)));
  return align === 'right' ? space + text : text + space;
}

function shownLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
