/**
 * Text as a column can hold it. SQLite keeps a NUL, but some of its functions end there; so NUL becomes U+0001 U+0001,
 * and U+0001 becomes U+0001 U+0002, which keeps the order of texts. A lone surrogate has no UTF-8 at all.
 */
export function toColumn(text: string): string {
  const wellFormed = text.toWellFormed();
  if (!wellFormed.includes('\0') && !wellFormed.includes('\u0001')) return wellFormed;
  return wellFormed.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001');
}

/** The inverse of `toColumn`, for a column that was read as a blob. */
export function fromColumn(bytes: ArrayBuffer): string {
  return fromColumnText(textOf(bytes));
}

/** The inverse of `toColumn`. */
export function fromColumnText(text: string): string {
  if (!text.includes('\u0001')) return text;
  return text.replaceAll('\u0001\u0001', '\0').replaceAll('\u0001\u0002', '\u0001');
}

/** The text of a blob. */
export function textOf(bytes: ArrayBuffer | Uint8Array): string {
  const buffer =
    bytes instanceof Uint8Array
      ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      : Buffer.from(bytes);
  return buffer.toString('utf8');
}

/** A value as SQLite's `quote` writes it; texts as `toColumn` gives them. */
export function quoted(value: string | number | null): string {
  if (value === null) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
