import t from 'tap';
import { keyOf, newUser, readUser, USER_SCHEMA } from '../../src/users/user-store.ts';

const ANN = newUser('ann', '$hash', 1);

t.test('a new user has the current schema', async (t) => {
  t.equal(ANN.schema, USER_SCHEMA);
  t.strictSame(readUser(ANN), ANN);
});

t.test('a user is kept under the key of the name, one of an earlier version under the exact name', async (t) => {
  const user = newUser(' Jose\u0301', '$hash');
  t.match(user, { username: 'José', key: 'josé' });
  t.equal(keyOf(user), 'josé');
  t.equal(keyOf({ username: 'José' }), 'José');
});

t.test('a record without a schema is read as schema 1', async (t) => {
  const { schema: _, ...old } = ANN;
  t.strictSame(readUser(old), { ...ANN, schema: 1 });
});

t.test('a record with a newer schema is rejected, and the message names both schemas', async (t) => {
  t.throws(() => readUser({ ...ANN, schema: 2 }), {
    message: 'A user record was written by a newer version (schema 2); this version reads 1.',
  });
});

t.test('a password is not stored in the place of a hash', async (t) => {
  for (const wrong of ['a password', '', undefined]) {
    t.throws(() => newUser('ann', wrong as string), { name: 'TypeError', message: /takes a hash/ });
  }
});

t.test('a name that is empty or missing is refused', async (t) => {
  for (const wrong of ['', ' ', undefined]) {
    t.throws(() => newUser(wrong as string, '$hash'), { name: 'TypeError', message: /user name/ });
  }
});
