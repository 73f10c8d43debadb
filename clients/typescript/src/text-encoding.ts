import { configureTextEncoding } from '@bufbuild/protobuf/wire';

/**
 * Has protobuf-es read texts as they are, in the whole process: it would leave out a byte order mark at the beginning, so
 * that the record of a step whose key begins with one would not be found.
 */
export function keepTextsAsTheyAre(): void {
  const encoder = new TextEncoder();
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
  configureTextEncoding({
    checkUtf8: (text) => text.isWellFormed(),
    encodeUtf8: (text) => encoder.encode(text),
    decodeUtf8: (bytes, isStrict) => (isStrict === true ? strict : lenient).decode(bytes),
  });
}
