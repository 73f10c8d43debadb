// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/;

/** Whether a value is a text that the server takes: not empty, no lone surrogates, at most so many bytes of UTF-8. */
export function isText(value: unknown, bytesMax: number): value is string {
  return (
    typeof value === 'string' && value !== '' && value.isWellFormed() && Buffer.byteLength(value) <= bytesMax
  );
}

/** Whether a value is a name of a workflow or topic: a text without control characters. */
export function isName(value: unknown, bytesMax: number): value is string {
  return isText(value, bytesMax) && !CONTROL_CHARACTER.test(value);
}

/** The most bytes of a topic's name. */
export const TOPIC_BYTES_MAX = 512;
