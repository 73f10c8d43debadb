import type { JsonValue } from '../../server/src/core/json.js';
import type { Random } from '../simulation/random.js';

/** A JSON value as a client in another language may write it: white space, escapes, number formats, order of members. */
export function foreignText(value: JsonValue, random: Random): string {
  const space = () => random.pick(['', '', '', ' ', '\n', '\t', '\r\n  ']);
  const write = (inner: JsonValue): string => {
    if (typeof inner === 'string') return foreignString(inner, random);
    if (typeof inner === 'number') return foreignNumber(inner, random);
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
    if (Array.isArray(inner))
      return `[${inner.map((item) => space() + write(item) + space()).join(',')}${space()}]`;
    const members = Object.entries(inner).map(
      ([name, item]) =>
        `${space()}${foreignString(name, random)}${space()}:${space()}${write(item)}${space()}`,
    );
    if (random.chance(0.5)) members.reverse();
    return `{${members.join(',')}${space()}}`;
  };
  return space() + write(value) + space();
}

function foreignString(value: string, random: Random): string {
  const text = JSON.stringify(value);
  if (random.chance(0.6)) return text;
  // As Python does by default: all that is not ASCII; a character above U+FFFF is two escapes.
  const ascii = text.replaceAll(/[\u007f-\uffff]/g, escaped);
  return random.chance(0.5) ? ascii : ascii.replaceAll('/', '\\/');
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function foreignNumber(value: number, random: Random): string {
  if (Object.is(value, -0)) return random.pick(['-0', '-0.0', '0', '-0e0']);
  const text = JSON.stringify(value);
  const [mantissa = '', exponent] = text.split('e');
  if (exponent !== undefined) return random.pick([text, `${mantissa}E${exponent}`]);
  if (!Number.isInteger(value)) return random.pick([text, `${text}00`, `${text}e0`, `${text}E+0`]);
  return random.pick([text, text, `${text}.0`, `${text}e0`, `${text}E-0`]);
}
