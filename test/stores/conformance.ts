import type { Test } from 'tap';
import type { SessionRecord } from '../../src/sessions/session.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import type { UserRecord, UserStore } from '../../src/users/user-store.ts';
import { newUser, newVersion } from '../../src/users/user-store.ts';
import { owner, record, version } from '../helpers/service.ts';

// Checks that an engine keeps the two contracts. To check your own engine:
//
//   t.test('conformance', (t) => sessionStoreConformance(t, () => new MyStore()));
//
// `open` returns a new, empty store for each test. The suite closes it.

type Open<S> = (t: Test) => S | Promise<S>;

const at = (index: number) => ({ id: `session-${index}`, secretHash: `hash-${index}` });
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const ids = (records: readonly SessionRecord[]) => records.map(({ session }) => session.id).sort();
const all = async <T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
  }
  return found;
};

/** Tries to change a record that the store was given or has returned. */
function changeInPlace(stored: SessionRecord | undefined): void {
  for (const object of [stored, stored?.session]) {
    try {
      Object.assign(object ?? {}, { username: 'thief', secretHash: 'stolen' });
    } catch {
      // A frozen record is as good as a copy.
    }
  }
}

/** Strings that an engine may handle wrongly, as ids, names or values. */
const STRANGE = {
  empty: '',
  spaces: '  a  b  ',
  quotes: `"'\`"`,
  'colons and slashes': 'a:b::c/../d\\e',
  'globs and hashes': '*?[a-z]#{tag}',
  NUL: 'a\0b\0',
  'line breaks': 'a\r\nb\u2028c',
  'the name of an inherited property': '__proto__',
  emoji: '👩‍👩‍👧‍👦',
  'a lone surrogate': '\ud800',
  'another lone surrogate': '\udfff',
  'the replacement character': '\ufffd',
  'composed letters': 'é',
  'decomposed letters': 'e\u0301',
  '1,024 letters': 'x'.repeat(1024),
  '1,024 letters and one other': `${'x'.repeat(1023)}y`,
  '1,024 wide characters': '漢'.repeat(1024),
  'upper case': 'USER1',
  'lower case': 'user1',
} as const;

/** The contract of `SessionStore`. */
export async function sessionStoreConformance(t: Test, open: Open<SessionStore>): Promise<void> {
  const suite = (title: string, check: (t: Test, store: SessionStore) => Promise<void>) =>
    t.test(title, async (t) => {
      const store = await open(t);
      t.teardown(() => store.close());
      await check(t, store);
    });

  await suite('a record is found as it was created', async (t, store) => {
    t.equal(await store.find('id'), undefined, 'absence is an answer');
    t.equal(await store.create(record()), true);
    t.same(await store.find('id'), record());
    t.equal(await store.find('other'), undefined);
  });

  await suite('create on a taken id is false, and the record there stays as it is', async (t, store) => {
    await store.create(record());
    t.equal(await store.create(record({ username: 'thief', secretHash: 'stolen' })), false);
    t.same(await store.find('id'), record());
    t.same(await store.listByUser(owner('thief')), []);
    t.equal(await store.removeByUser(owner('thief')), 0);
    t.same(await store.find('id'), record(), 'and still belongs to the first user');
  });

  await suite('of 100 concurrent creates of one id, one wins and is what is found', async (t, store) => {
    const candidates = times(100, (i) => record({ secretHash: `hash-${i}` }));
    const won = await Promise.all(candidates.map((candidate) => store.create(candidate)));
    t.equal(won.filter(Boolean).length, 1);
    t.same(await store.find('id'), candidates[won.indexOf(true)]);
  });

  await suite('replace changes the version it names and no other', async (t, store) => {
    await store.create(record());
    const next = record({ secretHash: 'next', expiresAt: record().session.expiresAt + 60_000 });
    for (const wrong of ['', 'has', 'hash2', 'next', '*', '"hash"']) {
      t.equal(await store.replace(next, wrong), false, wrong);
    }
    t.same(await store.find('id'), record());
    t.equal(await store.replace(next, version('hash')), true);
    t.same(await store.find('id'), next);
    t.equal(await store.replace(next, version('hash')), false, 'once');
    t.same(await store.listByUser(owner('user1')), [next]);
  });

  await suite('of 100 concurrent replaces of one version, one wins and is what is found', async (t, store) => {
    for (let round = 0; round < 10; round++) {
      const id = `round-${round}`;
      await store.create(record({ id }));
      const candidates = times(100, (i) => record({ id, secretHash: `next-${i}` }));
      const won = await Promise.all(candidates.map((next) => store.replace(next, version('hash'))));
      t.equal(won.filter(Boolean).length, 1);
      t.same(await store.find(id), candidates[won.indexOf(true)]);
    }
  });

  await suite('replace after remove is false and nothing revives', async (t, store) => {
    t.equal(await store.replace(record(), version('hash')), false, 'replace creates no record');
    await store.create(record());
    t.equal(await store.remove('id'), true);
    t.equal(await store.remove('id'), false);
    t.equal(await store.replace(record({ secretHash: 'next' }), version('hash')), false);
    t.equal(await store.find('id'), undefined);
    t.same(await store.listByUser(owner('user1')), []);
  });

  await suite('a record that is removed during concurrent replaces stays removed', async (t, store) => {
    for (let round = 0; round < 20; round++) {
      const id = `round-${round}`;
      await store.create(record({ id }));
      const replaces = times(10, (i) => store.replace(record({ id, secretHash: `next-${i}` }), version('hash')));
      const [removed] = await Promise.all([
        round % 2 === 0 ? store.remove(id) : Promise.resolve(store.removeByUser(owner('user1'))).then((n) => n === 1),
        ...replaces,
      ]);
      t.equal(removed, true);
      t.equal(await store.find(id), undefined);
    }
    t.same(await store.listByUser(owner('user1')), []);
  });

  await suite('of 100 concurrent removes, one returns true', async (t, store) => {
    await store.create(record());
    const said = await Promise.all(times(100, () => store.remove('id')));
    t.equal(said.filter(Boolean).length, 1);
  });

  await suite("a user's records are listed and removed, except the one to keep", async (t, store) => {
    for (const i of [1, 2, 3]) {
      await store.create(record(at(i)));
    }
    await store.create(record({ ...at(4), username: 'user2' }));
    t.same(ids(await store.listByUser(owner('user1'))), ['session-1', 'session-2', 'session-3']);
    t.same(await store.listByUser(owner('nobody')), []);
    t.equal(await store.removeByUser(owner('user1'), 'session-2'), 2);
    t.same(await store.listByUser(owner('user1')), [record(at(2))]);
    t.equal(await store.find('session-1'), undefined);
    t.equal(await store.removeByUser(owner('user1'), 'session-4'), 1, "another user's record is no reason to keep one");
    t.equal(await store.removeByUser(owner('user1')), 0);
    t.same(await store.listByUser(owner('user2')), [record({ ...at(4), username: 'user2' })]);
  });

  await suite('listByUser never misses a live session while others start and end', async (t, store) => {
    const staying = times(10, (i) => record({ id: `staying-${i}` }));
    await Promise.all(staying.map((one) => store.create(one)));
    let isDone = false;
    const traffic = times(8, async (lane) => {
      for (let i = 0; i < 40; i++) {
        const passing = record({ id: `passing-${lane}-${i}` });
        await store.create(passing);
        await store.replace(record({ ...passing.session, secretHash: 'next' }), version('hash'));
        await store.remove(passing.session.id);
      }
    });
    const done = Promise.all(traffic).then(() => {
      isDone = true;
    });
    let round = 0;
    while (!isDone) {
      const kept = staying[round % 10] as SessionRecord;
      const current = await store.find(kept.session.id);
      await store.replace(record({ ...kept.session, secretHash: `v${round}` }), current?.version ?? '');
      const listed = new Set(ids(await store.listByUser(owner('user1'))));
      const missed = staying.filter(({ session }) => !listed.has(session.id));
      if (missed.length > 0) {
        t.same(missed, [], 'missed');
      }
      round++;
      await new Promise(setImmediate);
    }
    await done;
    t.ok(round > 0);
    t.same(ids(await store.listByUser(owner('user1'))), ids(staying), 'and no longer lists the removed ones');
  });

  await suite('a session that is created during removeByUser is listed or removed, never lost', async (t, store) => {
    for (let round = 0; round < 10; round++) {
      const username = `user-${round}`;
      const created = times(20, (i) => record({ id: `${username}-${i}`, username }));
      await Promise.all([
        ...created.map((one) => store.create(one)),
        store.removeByUser(owner(username)),
        ...created.slice(10).map((one) => store.remove(one.session.id)),
      ]);
      const listed = new Set(ids(await store.listByUser(owner(username))));
      for (const { session } of created) {
        const { id } = session;
        t.equal((await store.find(id)) !== undefined, listed.has(id), id);
      }
      await store.removeByUser(owner(username));
      t.same(await store.listByUser(owner(username)), []);
    }
  });

  await suite('a session whose deadline was moved is listed until the later one', async (t, store) => {
    const soon = record({ expiresAt: record().session.createdAt + 1 });
    await store.create(soon);
    await store.replace(record({ secretHash: 'next' }), version('hash'));
    await store.create(record({ id: 'other' }));
    t.same(ids(await store.listByUser(owner('user1'))), ['id', 'other']);
  });

  await suite('a store does not check deadlines: a record may be created and replaced late', async (t, store) => {
    const late = record({ expiresAt: 1, endsAt: 1 });
    t.equal(await store.create(late), true);
    const found = await store.find('id');
    t.ok(found === undefined || found.session.expiresAt === 1);
    t.type(await store.replace(record({ ...late.session, secretHash: 'next' }), version('hash')), 'boolean');
  });

  await suite('the caller may change a value that it passed in or got', async (t, store) => {
    const given = record();
    await store.create(given);
    changeInPlace(given);
    const found = await store.find('id');
    t.same(found, record());
    changeInPlace(found);
    t.same(await store.find('id'), record());
    const kept = await store.find('id');
    await store.replace(record({ secretHash: 'next' }), version('hash'));
    await store.remove('id');
    await store.create(record({ username: 'another' }));
    t.same(kept, record(), 'later writes do not change it');
  });

  await suite('any string is returned unchanged', async (t, store) => {
    for (const [what, text] of Object.entries(STRANGE)) {
      const strange = { ...record({ id: `id ${text}`, username: text, secretHash: text }), version: text };
      t.equal(await store.create(strange), true, what);
    }
    for (const [what, text] of Object.entries(STRANGE)) {
      const strange = { ...record({ id: `id ${text}`, username: text, secretHash: text }), version: text };
      t.same(await store.find(strange.session.id), strange, what);
      t.same(await store.listByUser(owner(text)), [strange], what);
      const next = { ...strange, version: `${text}!` };
      t.equal(await store.replace(next, `${text}?`), false, what);
      t.equal(await store.replace(next, text), true, what);
    }
    for (const [what, text] of Object.entries(STRANGE)) {
      t.equal(await store.removeByUser(owner(text)), 1, what);
      t.equal(await store.find(`id ${text}`), undefined, what);
    }
    t.same(await all(store.list()), []);
  });

  await suite('list has every record once', async (t, store) => {
    t.same(await all(store.list()), []);
    const many = times(2500, (i) => record({ ...at(i), username: `user-${i % 7}` }));
    await Promise.all(many.map((one) => store.create(one)));
    t.same(ids(await all(store.list())), ids(many));
  });

  await suite('ping resolves', async (t, store) => {
    t.equal(await store.ping(), undefined);
  });

  await suite('a closed store rejects, and may be closed again', async (t, store) => {
    await store.create(record());
    await store.close();
    await store.close();
    await t.rejects(async () => store.create(record({ id: 'other' })), 'create');
    await t.rejects(async () => store.find('id'), 'find');
    await t.rejects(async () => store.replace(record({ secretHash: 'next' }), version('hash')), 'replace');
    await t.rejects(async () => store.remove('id'), 'remove');
    await t.rejects(async () => store.listByUser(owner('user1')), 'listByUser');
    await t.rejects(async () => store.removeByUser(owner('user1')), 'removeByUser');
    await t.rejects(async () => all(store.list()), 'list');
    await t.rejects(async () => store.ping(), 'ping');
  });
}

/** The contract of `UserStore`. */
export async function userStoreConformance(t: Test, open: Open<UserStore>): Promise<void> {
  const suite = (title: string, check: (t: Test, store: UserStore) => Promise<void>) =>
    t.test(title, async (t) => {
      const store = await open(t);
      t.teardown(() => store.close());
      await check(t, store);
    });
  const ann = newUser('ann', '$argon2id$hash', 1);

  await suite('a user is found by the exact key, and by the name if the record has no key', async (t, store) => {
    const josé = newUser('José', '$hash', 1);
    const { key: _, ...older } = newUser('José', '$another hash', 1);
    t.equal(await store.create(josé), true);
    t.equal(await store.create(older), true);
    t.same(await store.find('josé'), josé);
    t.same(await store.find('José'), older);
    t.equal(await store.find('JOSÉ'), undefined);
    t.equal(await store.replace({ ...josé, disabled: true }, josé.version), true);
    t.equal(await store.replace({ ...older, passwordHash: 'next' }, older.version), true);
    t.match(await store.find('josé'), { passwordHash: 'hash', disabled: true });
    t.match(await store.find('José'), { passwordHash: 'next', disabled: false });
    t.equal(await store.remove('José'), true);
    t.equal(await store.find('José'), undefined);
    t.equal(await store.remove('josé'), true);
  });

  await suite('a user is found as created, by the exact name', async (t, store) => {
    t.equal(await store.find('ann'), undefined);
    t.equal(await store.create(ann), true);
    t.same(await store.find('ann'), ann);
    for (const name of ['Ann', 'ann ', ' ann', '', 'an', 'ann\0', '__proto__', 'constructor', 'toString']) {
      t.equal(await store.find(name), undefined, JSON.stringify(name));
    }
  });

  await suite('of 100 concurrent creates of one name, one wins and is what is found', async (t, store) => {
    const candidates = times(100, (i) => newUser('ann', `$hash-${i}`, i));
    const won = await Promise.all(candidates.map((candidate) => store.create(candidate)));
    t.equal(won.filter(Boolean).length, 1);
    t.same(await store.find('ann'), candidates[won.indexOf(true)]);
    t.equal(await store.create(ann), false);
  });

  await suite('replace changes the version it names and no other', async (t, store) => {
    t.equal(await store.replace(ann, ann.version), false, 'replace creates no user');
    await store.create(ann);
    const next = { ...ann, passwordHash: 'next', passwordChangedAt: 2, version: newVersion() };
    t.equal(await store.replace(next, next.version), false);
    t.equal(await store.replace(next, ann.version.slice(0, -1)), false);
    t.same(await store.find('ann'), ann);
    t.equal(await store.replace(next, ann.version), true);
    t.same(await store.find('ann'), next);
    t.equal(await store.replace(ann, ann.version), false);
    t.equal(await store.replace({ ...next, disabled: true }, next.version), true, 'a version may stay');
    t.same(await store.find('ann'), { ...next, disabled: true });
  });

  await suite('of 100 concurrent replaces of one version, one wins and is what is found', async (t, store) => {
    await store.create(ann);
    const candidates = times(100, (i) => ({ ...ann, passwordHash: `hash-${i}`, version: newVersion() }));
    const won = await Promise.all(candidates.map((next) => store.replace(next, ann.version)));
    t.equal(won.filter(Boolean).length, 1);
    t.same(await store.find('ann'), candidates[won.indexOf(true)]);
  });

  await suite('a removed user is gone, and replace does not bring the user back', async (t, store) => {
    await store.create(ann);
    t.equal(await store.remove('ann'), true);
    t.equal(await store.remove('ann'), false);
    t.equal(await store.replace({ ...ann, disabled: true }, ann.version), false);
    t.equal(await store.find('ann'), undefined);
    t.equal(await store.create(newUser('ann', '$another')), true, 'the name is free again');
  });

  await suite('the caller may change a value that it passed in or got', async (t, store) => {
    const given = { ...ann };
    await store.create(given);
    given.passwordHash = 'stolen';
    const kept = await store.find('ann');
    try {
      Object.assign((await store.find('ann')) ?? {}, { disabled: true });
    } catch {
      // A frozen value is as good.
    }
    t.same(await store.find('ann'), ann);
    await store.remove('ann');
    t.same(kept, ann);
  });

  await suite('any string is returned unchanged, and list has every user once', async (t, store) => {
    const strange = Object.values(STRANGE).map((text): UserRecord => {
      return { ...newUser(text, text, 1), username: text, key: text, version: text };
    });
    for (const user of strange) {
      t.equal(await store.create(user), true);
    }
    for (const user of strange) {
      t.same(await store.find(user.username), user);
    }
    const byName = (users: typeof strange) => users.map(({ username }) => JSON.stringify(username)).sort();
    t.same(byName(await all(store.list())), byName(strange));
    for (const user of strange) {
      t.equal(await store.replace({ ...user, disabled: true }, `${user.version}?`), false);
      t.equal(await store.replace({ ...user, disabled: true }, user.version), true);
      t.equal(await store.remove(user.username), true);
    }
    t.same(await all(store.list()), []);
  });

  await suite('a closed store rejects, and may be closed again', async (t, store) => {
    await store.create(ann);
    await store.close();
    await store.close();
    await t.rejects(async () => store.create(newUser('bob', '$hash')), 'create');
    await t.rejects(async () => store.find('ann'), 'find');
    await t.rejects(async () => store.replace(ann, ann.version), 'replace');
    await t.rejects(async () => store.remove('ann'), 'remove');
    await t.rejects(async () => all(store.list()), 'list');
  });
}
