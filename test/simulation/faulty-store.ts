import { type ExecutionWrite, type Follower, type Store, StoreFault } from '../../server/src/store/store.js';
import type { World } from './world.js';

/** One server's connection to the store: slow, and while faults are on it breaks before or after what it was asked for. */
export function connect(store: Store, world: World, isAlive: () => boolean): Store {
  return new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name] as boolean | ((...args: unknown[]) => Promise<unknown>);
      if (typeof method !== 'function') return method;
      if (name === 'follow')
        return (follower: Follower) => target.follow(hardOfHearing(follower, world, isAlive));
      return (...args: unknown[]) =>
        call(world, isAlive, () => carryOut(world, name, method.bind(target), args));
    },
  });
}

/** While faults are on, some news is late and some never comes: servers have to look for themselves, too. */
function hardOfHearing(follower: Follower, world: World, isAlive: () => boolean): Follower {
  const tell = (news: () => void) => {
    const tellIt = () => isAlive() && news();
    if (!world.faults) tellIt();
    else if (world.random.chance(0.7)) void world.sleep(world.random.between(0, 2_000)).then(tellIt);
  };
  return {
    changed: (changes) => tell(() => follower.changed(changes)),
    recordsChanged: (groups) => tell(() => follower.recordsChanged(groups)),
    missed: () => isAlive() && follower.missed(),
  };
}

async function call(world: World, isAlive: () => boolean, ask: () => Promise<unknown>): Promise<unknown> {
  const { random, faults } = world;
  if (faults) await world.sleep(random.chance(0.02) ? random.between(1_000, 8_000) : random.between(0, 20));
  // A request that is under way when its sender dies may still be carried out.
  if (!isAlive() && random.chance(0.5)) return forever();
  if (faults && (world.storeIsDown || random.chance(0.03))) return fail(isAlive, 'before');
  const answer = await ask();
  if (faults) await world.sleep(random.between(0, 20));
  if (faults && random.chance(0.03)) return fail(isAlive, 'after');
  return isAlive() ? answer : forever();
}

async function carryOut(
  world: World,
  name: keyof Store,
  method: (...args: unknown[]) => Promise<unknown>,
  args: readonly unknown[],
): Promise<unknown> {
  const answer = await method(...args);
  if (name === 'commit' && answer === 'committed') world.committed(args[0] as ExecutionWrite);
  return answer;
}

function fail(isAlive: () => boolean, when: 'before' | 'after'): Promise<never> {
  if (!isAlive()) return forever();
  throw new StoreFault(`the connection broke ${when} it was carried out`, { retryable: true });
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
