import { type CollectionTag, type ScalarTag, YAMLMap, type YAMLSeq } from 'yaml';

/** Tags that stay in the data as an object with one member: of workflows and calls, for drivers; of expectations, for matching. */
const KEPT_SCALARS = ['!get', '!value', '!id', '!any', '!number', '!text', '!distinct'];

function keptScalar(tag: string): ScalarTag {
  return { tag, resolve: (text) => ({ [tag]: text }) };
}

function keptCollection(tag: string, collection: 'map' | 'seq'): CollectionTag {
  return {
    tag,
    collection,
    resolve(node) {
      const kept = new YAMLMap();
      kept.set(tag, node);
      return kept;
    },
  };
}

/** A tag that stands for a large value: drivers and expectations get the value itself. */
function expanded(tag: string, expand: (first: unknown, count: number) => unknown): CollectionTag {
  return {
    tag,
    collection: 'seq',
    resolve(node, onError) {
      const [first, count] = (node as YAMLSeq).toJSON() as unknown[];
      if (typeof count !== 'number') onError(`${tag} needs a value and a number`);
      return expand(first, Number(count)) as never;
    },
  };
}

/** The tags that scenario files may use; README.md says what each means. */
export const TAGS = [
  ...KEPT_SCALARS.map(keptScalar),
  keptCollection('!including', 'map'),
  keptCollection('!unordered', 'seq'),
  expanded('!repeat', (text, times) => String(text).repeat(times)),
  expanded('!list', (element, length) => Array.from({ length }, () => element)),
  expanded('!nested', (inmost, levels) => {
    let value = inmost;
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  }),
];
