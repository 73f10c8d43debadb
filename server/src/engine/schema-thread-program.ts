import { parentPort } from 'node:worker_threads';
import { isJsonObject, parseJson } from '../core/json.js';
import { compareSchemas } from '../core/schema/comparison.js';
import { compileSchema, readSchema } from './schema-compiler.js';
import { COMPILED_MAX, type ThreadAnswers, type ThreadRequest } from './schema-thread.js';

// What a SchemaThread runs.

type Compiled = ReturnType<typeof compileSchema>;

/** What is kept compiled, by the text of the schema. */
const compiled = new Map<string, Compiled>();

function compiledFrom(text: string): Compiled {
  const known = compiled.get(text);
  if (known) return known;
  const read = readSchema(text);
  const made = 'read' in read ? compileSchema(read.read) : read;
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(text, made);
  return made;
}

function answer(request: ThreadRequest): ThreadAnswers[ThreadRequest['type']] {
  switch (request.type) {
    case 'compile': {
      const made = compiledFrom(request.text);
      return 'problem' in made ? made.problem : null;
    }
    case 'check': {
      const made = compiledFrom(request.text);
      return 'problem' in made ? { unchecked: made.problem } : made.check(request.value);
    }
    case 'compare':
      return compareSchemas(rootOf(request.before), rootOf(request.after));
  }
}

function rootOf(text: string) {
  const parsed = parseJson(text);
  return 'value' in parsed && isJsonObject(parsed.value) ? parsed.value : {};
}

parentPort?.on('message', (request: ThreadRequest) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage('ready');
