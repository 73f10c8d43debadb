import { isUtf8 } from 'node:buffer';
import { configureTextEncoding } from '@bufbuild/protobuf/wire';

/**
 * Has protobuf-es read texts as wire/input.ts does, for the calls that Connect decodes: its own reader leaves out a byte
 * order mark at the beginning, so that two different step keys would become one.
 */
export function keepTextsAsTheyAre(): void {
  configureTextEncoding({
    checkUtf8: (text) => text.isWellFormed(),
    encodeUtf8: (text) => new Uint8Array(Buffer.from(text)),
    decodeUtf8(bytes, isStrict) {
      if (isStrict && !isUtf8(bytes)) throw new Error('a text is not UTF-8');
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    },
  });
}
