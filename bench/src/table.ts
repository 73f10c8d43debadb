/** Prints one row: the first `wide` cells are texts, to the left; the others are figures, to the right. */
export function printRow(row: readonly string[], wide: number): void {
  console.log(row.map((cell, index) => (index < wide ? cell.padEnd(13) : cell.padStart(9))).join(' '));
}

/** What a share of sorted figures is at or below; NaN for none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
