import {
  create,
  type DescMessage,
  type DescService,
  type Message,
  type MessageShape,
} from '@bufbuild/protobuf';
import { type Path, pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { utf8Bytes } from '../core/json.js';
import { SCHEMA_BYTES_MAX } from '../core/limits.js';
import { invalidFields, limitExceeded } from './refusals.js';

const validator = createValidator();

/** Holds a message to the rules of its .proto file; throws RpcError with every field that breaks one. */
export function validate<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): void {
  const result = validator.validate(desc, message);
  if (result.kind === 'valid') return;
  // Rules that cannot be compiled or evaluated are a fault of ours: the caller gets INTERNAL.
  if (result.kind === 'error') throw result.error;
  throw refusal(result.violations, message);
}

/** Compiles the rules of every request, so that the first call does not wait 120 ms for it. */
export function warmUp(services: readonly DescService[]): void {
  for (const { methods } of services) {
    for (const { input } of methods) validator.validate<DescMessage>(input, create(input) as Message);
  }
}

/** All fields at once; but a schema that is too large has an error of its own (worker_service.proto). */
function refusal(violations: readonly Violation[], message: Message): Error {
  const large = violations.find(({ ruleId, field }) => {
    const last = field.at(-1);
    return ruleId === 'string.max_bytes' && last?.kind === 'field' && last.name.endsWith('_schema');
  });
  if (large) {
    const actual = utf8Bytes(String(valueAt(message, large.field)));
    const path = pathToString(large.field);
    return limitExceeded({ name: 'schema_bytes', maximum: SCHEMA_BYTES_MAX, actual, path });
  }
  return invalidFields(
    violations.map(({ field, message: description }) => ({ field: pathToString(field), description })),
  );
}

function valueAt(message: unknown, path: Path): unknown {
  return path.reduce((value, step) => {
    const key = step.kind === 'field' ? step.localName : step.kind === 'list_sub' ? step.index : undefined;
    return key === undefined ? undefined : (value as Readonly<Record<string | number, unknown>>)[key];
  }, message);
}
