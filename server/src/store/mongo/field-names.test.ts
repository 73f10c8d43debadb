import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromFieldName, toFieldName } from './field-names.js';

test.each([
  ['a', 'a'],
  ['0', '0'],
  ['step 1', 'step 1'],
  ['Ünïcödé', 'Ünïcödé'],
  ['', '%'],
  ['%', '%25'],
  ['%24', '%2524'],
  ['50%', '50%25'],
  ['a.b', 'a%2Eb'],
  ['.', '%2E'],
  ['a\0', 'a%00'],
  ['$set', '%24set'],
  ['a$', 'a$'],
  ['$.%', '%24%2E%25'],
  ['_bsontype', '%5Fbsontype'],
  ['_bsontypes', '_bsontypes'],
  ['__proto__', '%5F_proto__'],
  ['constructor', '%63onstructor'],
  ['toString', '%74oString'],
  ['tostring', 'tostring'],
  ['_id', '_id'],
])('the key %j is the field %j', (key, name) => {
  expect(toFieldName(key)).toBe(name);
  expect(fromFieldName(name)).toBe(key);
});

test('any key comes back, as a name that MongoDB and its driver take for nothing else', () => {
  const key = fc.oneof(
    fc.string({ unit: fc.constantFrom('%', '.', '$', '\0', '_', '2', '5', 'E', 'a') }),
    fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(key, (given) => {
      const name = toFieldName(given);
      expect(name).toMatch(/^[^$.\0][^.\0]*$/u);
      expect(name === '_bsontype' || name in Object.prototype).toBe(false);
      expect(fromFieldName(name)).toBe(given);
    }),
    { numRuns: 2_000 },
  );
});
