import { Random } from './random.js';

let ids = new Random(0);

/** From now on ids and tokens are drawn from this seed, so that a seed always plays the same. */
export function seedIds(seed: number): void {
  ids = new Random(seed);
}

/** `node:crypto` without chance. */
export async function seededCrypto(original: () => Promise<typeof import('node:crypto')>) {
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => ids.between(0, 255)));
  return {
    ...(await original()),
    randomBytes: bytes,
    randomUUID: () =>
      bytes(16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  };
}
