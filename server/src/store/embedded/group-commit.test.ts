import { describe, expect, test } from 'vitest';
import { GroupCommit, type Transaction } from './group-commit.js';

/** A transaction that keeps a transcript, and whose syncs end when the test says so. */
class Transcript implements Transaction {
  readonly lines: string[] = [];
  #end: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #begun: () => void = () => {};

  begin(): void {
    this.lines.push('begin');
  }

  commit(): void {
    this.lines.push('commit');
  }

  rollback(): void {
    this.lines.push('rollback');
  }

  sync(): Promise<void> {
    this.lines.push('sync');
    return new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
      this.#begun();
    });
  }

  /** Waits for a sync to begin, and ends it. */
  async endSync(error?: Error): Promise<void> {
    if (!this.#end) {
      await new Promise<void>((resolve) => {
        this.#begun = resolve;
      });
    }
    const end = this.#end;
    this.#end = undefined;
    if (error) end?.reject(error);
    else end?.resolve();
  }
}

function open() {
  const transcript = new Transcript();
  const groups = new GroupCommit(transcript);
  const submit = (name: string, failure?: Error) =>
    groups.submit({
      bytes: 1,
      write: () => {
        transcript.lines.push(name);
        if (failure) throw failure;
        return name;
      },
      toFault: (error) => new Error(`${name}: ${error instanceof Error ? error.message : error}`),
    });
  return { transcript, groups, submit };
}

describe('a group of writes', () => {
  test('is one transaction and one sync, and answers after the sync', async () => {
    const { transcript, submit } = open();
    const answers = Promise.all([submit('a'), submit('b')]).then((names) =>
      transcript.lines.push(names.join()),
    );
    await transcript.endSync();
    await answers;
    expect(transcript.lines).toEqual(['begin', 'a', 'b', 'commit', 'sync', 'a,b']);
  });

  test('gathers what is asked for while the one before is being synced', async () => {
    const { transcript, groups, submit } = open();
    const first = submit('a').then((name) => Promise.all([name, submit('b'), submit('c')]));
    await transcript.endSync();
    await transcript.endSync();
    expect(await first).toEqual(['a', 'b', 'c']);
    await groups.drain();
    expect(transcript.lines).toEqual(['begin', 'a', 'commit', 'sync', 'begin', 'b', 'c', 'commit', 'sync']);
  });

  test('is tried one by one if a write fails, and synced once', async () => {
    const { transcript, submit } = open();
    const results = Promise.allSettled([submit('a'), submit('b', new Error('too large')), submit('c')]);
    await transcript.endSync();
    expect(await results).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: new Error('b: too large') },
      { status: 'fulfilled', value: 'c' },
    ]);
    expect(transcript.lines.join(' ')).toBe(
      'begin a b rollback begin a commit begin b rollback begin c commit sync',
    );
  });
});

describe('a sync', () => {
  test('that is under way is what a read has to wait for', async () => {
    const { transcript, groups, submit } = open();
    expect(groups.unsynced).toBeUndefined();
    const answer = submit('a');
    expect(groups.unsynced).toBeUndefined();
    const read = transcript.endSync().then(() => groups.unsynced);
    expect(await answer).toBe('a');
    await read;
    await groups.drain();
    expect(groups.unsynced).toBeUndefined();
  });

  test('that fails fails its group and every later one, because the kernel may have dropped what it held', async () => {
    const { transcript, groups, submit } = open();
    const results = Promise.allSettled([submit('a'), submit('b')]);
    await transcript.endSync(new Error('EIO'));
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(submit('c')).rejects.toThrow('c: EIO');
    await groups.drain();
    expect(transcript.lines.filter((line) => line === 'commit')).toHaveLength(1);
  });
});
