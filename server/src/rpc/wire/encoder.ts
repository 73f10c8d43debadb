import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { Output } from './output.js';

/*
 * Writes protobuf's binary form with writers that are put together once for each message type (see decoder.ts). The bytes
 * are those of protobuf-es, fields in order of their numbers; unknown fields are not written.
 */

/** A message's bytes. */
export function encode(desc: DescMessage, message: Message): Buffer {
  try {
    writerOf(desc)(message as unknown as Fields, output);
    return output.take();
  } catch (error) {
    output.reset();
    throw error;
  }
}

/** Shared: a message is written in one go. */
const output = new Output();

type Fields = Readonly<Record<string, unknown>>;
type Writer<T> = (value: T, out: Output) => void;

const writers = new WeakMap<DescMessage, Writer<Fields>>();

function writerOf(desc: DescMessage): Writer<Fields> {
  const known = writers.get(desc);
  if (known) return known;
  const fields: Writer<Fields>[] = [];
  const write: Writer<Fields> = (message, out) => {
    for (const field of fields) field(message, out);
  };
  // Known before its fields are looked at: a message may contain itself.
  writers.set(desc, write);
  const descending = [...desc.fields].sort((a, b) => b.number - a.number);
  for (const field of descending) fields.push(fieldWriter(field));
  return write;
}

function fieldWriter(field: DescField): Writer<Fields> {
  const name = field.localName;
  if (field.fieldKind === 'map') return mapWriter(field);
  if (field.fieldKind === 'list') return listWriter(field);
  const isMessage = field.fieldKind === 'message';
  const type = typeOf(field);
  const write = withTag(
    isMessage ? messageWriter(field.message) : scalarWriter(type, field),
    field.number,
    wireTypeOf(field),
  );
  const oneof = field.oneof?.localName;
  if (oneof !== undefined) {
    return (message, out) => {
      const member = message[oneof] as { readonly case?: string; readonly value?: unknown };
      if (member.case === name) write(member.value, out);
    };
  }
  const isExplicit = isMessage || field.proto.proto3Optional;
  return (message, out) => {
    const value = message[name];
    if (value === undefined || (!isExplicit && isZero(value))) return;
    write(value, out);
  };
}

function listWriter(field: DescField & { fieldKind: 'list' }): Writer<Fields> {
  const name = field.localName;
  const type = typeOf(field);
  const isMessage = field.listKind === 'message';
  const write = isMessage ? messageWriter(field.message) : scalarWriter(type, field);
  if (field.packed) {
    const writePacked = withTag<readonly unknown[]>(
      withLength((items, out) => {
        for (let index = items.length - 1; index >= 0; index--) write(items[index], out);
      }),
      field.number,
      2,
    );
    return (message, out) => {
      const items = message[name] as readonly unknown[];
      if (items.length > 0) writePacked(items, out);
    };
  }
  const writeItem = withTag(write, field.number, isMessage ? 2 : scalarWireType(type));
  return (message, out) => {
    const items = message[name] as readonly unknown[];
    for (let index = items.length - 1; index >= 0; index--) writeItem(items[index], out);
  };
}

function mapWriter(field: DescField & { fieldKind: 'map' }): Writer<Fields> {
  const name = field.localName;
  const isMessage = field.mapKind === 'message';
  const type = typeOf(field);
  if (field.mapKey !== ScalarType.STRING) throw new Error(`${field.toString()}: no writer for its keys`);
  const writeKey = withTag(scalarWriter(ScalarType.STRING, field), 1, 2);
  const writeValue = withTag(
    isMessage ? messageWriter(field.message) : scalarWriter(type, field),
    2,
    isMessage ? 2 : scalarWireType(type),
  );
  const writeEntry = withTag<readonly [string, unknown]>(
    withLength(([key, value], out) => {
      writeValue(value, out);
      writeKey(key, out);
    }),
    field.number,
    2,
  );
  return (message, out) => {
    const entries = Object.entries(message[name] as Fields);
    for (const entry of entries.reverse()) writeEntry(entry, out);
  };
}

function messageWriter(desc: DescMessage): Writer<unknown> {
  let writer: Writer<Fields> | undefined;
  return withLength((value, out) => {
    writer ??= writerOf(desc);
    writer(value as Fields, out);
  });
}

function scalarWriter(type: ScalarType, field: DescField): Writer<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return withLength((value, out) => out.string(value as string));
    case ScalarType.BYTES:
      return withLength((value, out) => out.bytes(value as Uint8Array));
    case ScalarType.BOOL:
      return (value, out) => out.uint32(value === true ? 1 : 0);
    case ScalarType.INT64:
      return (value, out) => out.int64(value as bigint);
    case ScalarType.INT32:
      return (value, out) => out.int32(value as number);
    default:
      throw new Error(`${field.toString()}: no writer for the type ${ScalarType[type]}`);
  }
}

function withTag<T>(write: Writer<T>, number: number, wireType: number): Writer<T> {
  const tag = (number << 3) | wireType;
  return (value, out) => {
    write(value, out);
    out.uint32(tag);
  };
}

function withLength<T>(write: Writer<T>): Writer<T> {
  return (value, out) => {
    const before = out.length;
    write(value, out);
    out.uint32(out.length - before);
  };
}

function wireTypeOf(field: DescField): number {
  return field.fieldKind === 'message' ? 2 : scalarWireType(typeOf(field));
}

function scalarWireType(type: ScalarType): number {
  return type === ScalarType.STRING || type === ScalarType.BYTES ? 2 : 0;
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === '' || value === 0 || value === 0n || value === false;
}

/** Enums travel as int32. */
function typeOf(field: { readonly scalar?: ScalarType | undefined }): ScalarType {
  return field.scalar ?? ScalarType.INT32;
}
