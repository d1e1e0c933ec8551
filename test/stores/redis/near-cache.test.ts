import t from 'tap';
import { NearCache } from '../../../src/stores/redis/near-cache.ts';

function later<T>() {
  let answer: (value: T) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  return { promise, answer, fail };
}

/** A cache with `a` and `b` in the older generation and `c` in the recent one. */
async function twoGenerations() {
  const cache = new NearCache<string>({ maxEntries: 4 });
  for (const key of ['a', 'b', 'c']) {
    await cache.load(key, async () => key.toUpperCase());
  }
  return cache;
}

t.test('a value that was read is cached until it is invalidated', async (t) => {
  const cache = new NearCache<string>({ maxEntries: 10 });
  t.equal(cache.get('a'), undefined);
  t.equal(await cache.load('a', async () => 'A'), 'A');
  t.equal(cache.get('a'), 'A');
  cache.invalidate('b');
  t.equal(cache.get('a'), 'A');
  cache.invalidate('a');
  t.equal(cache.get('a'), undefined);
});

t.test('invalidate and clear remove values from both generations', async (t) => {
  const old = await twoGenerations();
  t.equal(old.size, 3, 'the third value moved the first two to the older generation');
  old.invalidate('a');
  t.equal(old.get('a'), undefined);
  old.clear();
  t.same([old.get('b'), old.get('c')], [undefined, undefined]);
  const cache = await twoGenerations();
  t.equal(cache.get('a'), 'A', 'a value that is read again moves to the recent generation');
  t.equal(cache.size, 3, 'and leaves the older one');
  cache.invalidate('a');
  t.equal(cache.get('a'), undefined, 'and no copy is left in the older generation');
});

t.test('a missing value is not cached', async (t) => {
  const cache = new NearCache<string>({ maxEntries: 10 });
  t.equal(await cache.load('a', async () => undefined), undefined);
  t.equal(cache.size, 0);
});

t.test('a value that is invalidated while it is read is not cached', async (t) => {
  for (const overtake of [(c: NearCache<string>) => c.invalidate('a'), (c: NearCache<string>) => c.clear()]) {
    const cache = new NearCache<string>({ maxEntries: 10 });
    const { promise, answer } = later<string>();
    const loading = cache.load('a', () => promise);
    overtake(cache);
    answer('old');
    t.equal(await loading, 'old', 'the caller asked before the change and gets the old value');
    t.equal(cache.get('a'), undefined);
  }
});

t.test('of two reads of one key, the first does not overwrite the second', async (t) => {
  const cache = new NearCache<string>({ maxEntries: 10 });
  const [first, second] = [later<string>(), later<string>()];
  const loadings = [cache.load('a', () => first.promise), cache.load('a', () => second.promise)];
  second.answer('new');
  await loadings[1];
  first.answer('old');
  t.same(await Promise.all(loadings), ['old', 'new']);
  t.equal(cache.get('a'), 'new');
});

t.test('a read that fails leaves nothing behind', async (t) => {
  const cache = new NearCache<string>({ maxEntries: 10 });
  await t.rejects(
    cache.load('a', async () => {
      throw new Error('down');
    }),
    { message: 'down' },
  );
  t.equal(await cache.load('a', async () => 'A'), 'A');
  t.equal(cache.get('a'), 'A');
});

t.test('when the cache is full, the values used longest ago are evicted', async (t) => {
  const cache = new NearCache<string>({ maxEntries: 2 });
  await cache.load('a', async () => 'A');
  await cache.load('b', async () => 'B');
  cache.get('a');
  await cache.load('c', async () => 'C');
  t.same([cache.get('a'), cache.get('b'), cache.get('c')], ['A', undefined, 'C']);
  await cache.load('c', async () => 'C2');
  t.same([cache.size, cache.get('a'), cache.get('c')], [2, 'A', 'C2'], 'loading a cached value again evicts nothing');
});
