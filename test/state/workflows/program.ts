import fc from 'fast-check';

/** A piece of a random workflow. What it changes in the state follows from its key, so that each run changes the same. */
export type Piece =
  /** The handler's own code changes the state, deep inside, between steps. */
  | { readonly type: 'edit' }
  /** The handler assigns another object to `ctx.state`. */
  | { readonly type: 'replace' }
  /** A step, of which some attempts fail; with more failures than attempts the handler catches its error. */
  | { readonly type: 'step'; readonly turns: number; readonly fails: number }
  /** A step whose function changes the state, deep inside; an attempt that fails has changed it, too. */
  | { readonly type: 'stepEdit'; readonly turns: number; readonly fails: number; readonly assigns: boolean }
  | { readonly type: 'event' }
  | { readonly type: 'child' }
  | { readonly type: 'wait' }
  | { readonly type: 'suspend' }
  /** The handler throws, the first time. */
  | { readonly type: 'stumble' }
  | { readonly type: 'loop'; readonly times: number; readonly body: readonly Piece[] }
  | { readonly type: 'parallel'; readonly branches: readonly (readonly Piece[])[] };

const turns = fc.integer({ min: 0, max: 2 });
const fails = fc.integer({ min: 0, max: 2 });
const kind = <T extends Piece['type']>(type: T) => fc.record({ type: fc.constant(type) });

const { program } = fc.letrec<{ program: Piece[]; piece: Piece }>((tie) => ({
  program: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }),
  piece: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    kind('edit'),
    kind('replace'),
    fc.record({ type: fc.constant('step' as const), turns, fails }),
    fc.record({ type: fc.constant('stepEdit' as const), turns, fails, assigns: fc.boolean() }),
    fc.record({ type: fc.constant('stepEdit' as const), turns, fails, assigns: fc.boolean() }),
    kind('event'),
    kind('child'),
    kind('wait'),
    kind('suspend'),
    kind('stumble'),
    fc.record({
      type: fc.constant('loop' as const),
      times: fc.integer({ min: 1, max: 3 }),
      body: tie('program'),
    }),
    fc.record({
      type: fc.constant('parallel' as const),
      branches: fc.array(tie('program'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}));

/** A random workflow. */
export const randomProgram: fc.Arbitrary<readonly Piece[]> = program;

/** Whether what happens has one order only. */
export function isSequential(pieces: readonly Piece[]): boolean {
  return pieces.every((piece) => {
    if (piece.type === 'parallel') return false;
    return piece.type !== 'loop' || isSequential(piece.body);
  });
}
