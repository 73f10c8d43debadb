/** What the index holds of a document. */
export interface Summary {
  /** Its first line that is not empty, without the marks of a heading; empty for none. */
  readonly title: string;
  readonly words: number;
}

/** Reads title and length of a text. @throws Error for what is no text. */
export function summarize(text: string): Summary {
  if (text.includes('\0')) throw new Error('it is no text');
  const title = text.split('\n').find((line) => line.trim() !== '') ?? '';
  return { title: title.replace(/^#+\s*/, '').slice(0, 80), words: text.match(/\S+/g)?.length ?? 0 };
}
