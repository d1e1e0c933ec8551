import { DatabaseSync } from 'node:sqlite';
import Fastify from 'fastify';
import { crossOriginGuard, requireSession } from 'session-cookie-login';
import { login, loginRoutes, newUser, PasswordHasher } from 'session-cookie-login/login';

const database = new DatabaseSync(process.env.USERS_FILE ?? 'users.db');
database.exec(`CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  username TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  password_changed_at INTEGER NOT NULL,
  version TEXT NOT NULL,
  others TEXT NOT NULL
) STRICT`);
const insertRow = database.prepare(`INSERT INTO users VALUES
  (:id, :key, :username, :password_hash, :disabled, :created_at, :password_changed_at, :version, :others)
  ON CONFLICT (key) DO NOTHING`);
const selectRow = database.prepare('SELECT * FROM users WHERE key = ?');
// One statement: nobody can change the row between the comparison and the update.
const updateRow = database.prepare(`UPDATE users SET username = :username, password_hash = :password_hash,
  disabled = :disabled, password_changed_at = :password_changed_at, version = :version, others = :others
  WHERE key = :key AND version = :expected_version`);

const toUser = (row) => ({
  ...JSON.parse(row.others),
  schema: 1,
  id: row.id,
  key: row.key,
  username: row.username,
  passwordHash: row.password_hash,
  disabled: row.disabled === 1,
  createdAt: row.created_at,
  passwordChangedAt: row.password_changed_at,
  version: row.version,
});
// `others` has the rest of the record, such as the time of the last sign-in.
const toRow = ({ key, username, passwordHash, disabled, passwordChangedAt, version, ...others }) => ({
  key,
  username,
  password_hash: passwordHash,
  disabled: Number(disabled),
  password_changed_at: passwordChangedAt,
  version,
  others: JSON.stringify(others),
});

const users = {
  create(user) {
    return insertRow.run({ ...toRow(user), id: user.id, created_at: user.createdAt }).changes === 1;
  },
  find(key) {
    const row = selectRow.get(key);
    return row && toUser(row);
  },
  replace(next, expectedVersion) {
    return updateRow.run({ ...toRow(next), expected_version: expectedVersion }).changes === 1;
  },
};

const app = Fastify();
const passwords = new PasswordHasher();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(crossOriginGuard);
await app.register(login, { stores: { users }, passwords, session: { idleSeconds: 900 } });
await app.register(loginRoutes, { prefix: '/auth' });
app.get('/me', { onRequest: requireSession }, async ({ session }) => ({ id: session.userId, name: session.username }));
app.addHook('onClose', async () => database.close());

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
