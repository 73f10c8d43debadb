import { create, type DescFile, type DescService, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.js';
import { file_polos_v1_error_details } from '../gen/polos/v1/error_details_pb.js';
import { type CallListener, decodeMessage, type GrpcCall } from './grpc-call.js';
import { Code, RpcError } from './status.js';
import { encode } from './wire/encoder.js';

/** Where reflection answers; the older path has the same messages under another package name. */
export const REFLECTION_PATHS = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

/** Reflection over services and all that their files import: one answer for each request, in order. */
export function reflection(services: readonly DescService[]): (call: GrpcCall) => CallListener {
  const index = indexOf(services);
  return (call) => ({
    headers: () => call.read(),
    message(bytes) {
      try {
        const request = decodeMessage(ServerReflectionRequestSchema, bytes) as ServerReflectionRequest;
        const response = create(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request, index),
        });
        call.send(encode(ServerReflectionResponseSchema, response), () => call.read());
      } catch (error) {
        call.fail(error instanceof RpcError ? error : new RpcError(Code.internal, 'reflection failed'));
      }
    },
    halfClosed: () => call.end(),
    gone: () => undefined,
  });
}

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

interface DescriptorIndex {
  readonly services: readonly DescService[];
  /** Files by name. */
  readonly files: ReadonlyMap<string, DescFile>;
  /** Files by the full names of what they declare. */
  readonly symbols: ReadonlyMap<string, DescFile>;
  /** Extensions by the message that they extend: the numbers, and the files by number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
}

function indexOf(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const add = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      symbols.set(type.typeName, file);
      if (type.kind === 'service') {
        for (const method of type.methods) symbols.set(`${type.typeName}.${method.name}`, file);
      }
      if (type.kind === 'extension') {
        const { typeName } = type.extendee;
        const known = extensions.get(typeName) ?? new Map<number, DescFile>();
        extensions.set(typeName, known.set(type.number, file));
      }
    }
    file.dependencies.forEach(add);
  };
  for (const { file } of services) add(file);
  // Nothing imports the details of errors, and whoever prints one asks for its type.
  for (const file of [file_google_rpc_error_details, file_polos_v1_error_details]) add(file);
  return { services, files, symbols, extensions };
}

function answer({ messageRequest }: ServerReflectionRequest, index: DescriptorIndex): Answer {
  switch (messageRequest.case) {
    case 'listServices': {
      const service = index.services.map(({ typeName }) => ({ name: typeName }));
      return { case: 'listServicesResponse', value: { service } };
    }
    case 'fileByFilename':
      return fileAnswer(index.files.get(messageRequest.value), messageRequest.value);
    case 'fileContainingSymbol':
      return fileAnswer(index.symbols.get(messageRequest.value), messageRequest.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = messageRequest.value;
      const file = index.extensions.get(containingType)?.get(extensionNumber);
      return fileAnswer(file, `${containingType} ${extensionNumber}`);
    }
    case 'allExtensionNumbersOfType': {
      if (!index.symbols.has(messageRequest.value)) return fileAnswer(undefined, messageRequest.value);
      const extensionNumber = [...(index.extensions.get(messageRequest.value)?.keys() ?? [])];
      const value = { baseTypeName: messageRequest.value, extensionNumber };
      return { case: 'allExtensionNumbersResponse', value };
    }
    case undefined:
      return {
        case: 'errorResponse',
        value: { errorCode: Code.invalidArgument, errorMessage: 'empty request' },
      };
  }
}

function fileAnswer(file: DescFile | undefined, name: string): Answer {
  if (!file) {
    return {
      case: 'errorResponse',
      value: { errorCode: Code.notFound, errorMessage: `there is no ${name}` },
    };
  }
  // Descriptors as they were generated: comments are not in them.
  const fileDescriptorProto = [toBinary(FileDescriptorProtoSchema, file.proto)];
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}
