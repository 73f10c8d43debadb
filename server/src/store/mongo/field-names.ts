/** Keys that BSON, its driver or the language of MongoDB's updates would take for something else than a name. */
const RESERVED = /^$|^\$|^_bsontype$|[%.\0]/;

/** What is written as `%XX` in such a key, wherever it is. */
const ESCAPED = /[%.\0]/g;

/** A key of no characters. Others have two digits after each `%`. */
const EMPTY = '%';

/**
 * A key of the user's as the name of a field. Nearly every key is its own name; the others are escaped like in a URL, so
 * that they can still be read: `$set` is `%24set`, `a.b` is `a%2Eb`, and the empty key is `%`.
 */
export function toFieldName(key: string): string {
  const isInherited = key in Object.prototype;
  if (!isInherited && !RESERVED.test(key)) return key;
  if (key === '') return EMPTY;
  const name = key.replace(ESCAPED, escaped);
  // The driver looks some names up in an object of its own, and finds what every object inherits, such as `constructor`.
  return isInherited || /^(\$|_bsontype$)/.test(key) ? escaped(name.charAt(0)) + name.slice(1) : name;
}

/** The key that a field's name stands for. */
export function fromFieldName(name: string): string {
  if (!name.includes('%')) return name;
  if (name === EMPTY) return '';
  return name.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
