import { cpSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { changePassword, guides, signInStatus, startApps } from '../helpers/guides.ts';
import { installPackage, nodes, output, versionOf } from '../helpers/packed.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// Each guide of docs/embedding.md as a reader tries it: the packed package, each app in a process of its own, on the Node
// that runs this test and on the newest one. It installs from the npm registry.

const docs = readFileSync(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
/** What sign-in with passwords needs, as the page says it. */
const [, PASSWORDS = ''] = /^npm install (@node-rs\/argon2\S* .*)$/m.exec(docs) ?? [];
const OLD_PASSWORD = 'a horse, a battery, a staple';
const NEW_PASSWORD = 'a staple, a horse, a battery';

/** Node 22.13 and newer have `node:sqlite` without a flag. */
function hasSqlite(node: string): boolean {
  const [major = 0, minor = 0] = versionOf(node).slice(1).split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 13);
}

/** Runs one statement on the database of the guide. */
function query(node: string, cwd: string, file: string, sql: string): Record<string, unknown>[] {
  const program = `import { DatabaseSync } from 'node:sqlite';
    const [file, sql] = process.argv.slice(1);
    console.log(JSON.stringify(new DatabaseSync(file).prepare(sql).all()));`;
  return JSON.parse(output(cwd, node, '--no-warnings', '--input-type=module', '--eval', program, file, sql));
}

async function sqlUsers(t: Test, node: string, cwd: string): Promise<void> {
  const env = { USERS_FILE: `${temporaryDirectory(t)}/users.db` };
  const start = () => startApps(t, cwd, [node, 'sql-users.js'], 1, env);
  const rows = (sql: string) => query(node, cwd, env.USERS_FILE, sql);
  const [url = ''] = await start();
  const [before] = rows('SELECT * FROM users');
  t.equal(before?.key, 'ann');
  await changePassword(t, url, NEW_PASSWORD);
  const [after] = rows('SELECT * FROM users');
  t.equal(after?.id, before?.id);
  t.not(after?.version, before?.version);
  t.not(after?.password_hash, before?.password_hash);

  const [restarted = ''] = await start();
  t.equal(await signInStatus(restarted, OLD_PASSWORD), 401, 'the start keeps the row');
  t.equal(await signInStatus(restarted, NEW_PASSWORD), 200);
  rows('UPDATE users SET disabled = 1');
  t.equal(await signInStatus(restarted, NEW_PASSWORD), 401);
}

async function testOn(t: Test, node: string, cwd: string): Promise<void> {
  for (const [name, test] of Object.entries(guides)) {
    await t.test(name, async (t) => {
      const [url = ''] = await startApps(t, cwd, [node, `${name}.js`]);
      await test(t, url);
    });
  }
  await t.test('with-inject', async (t) => {
    t.match(output(cwd, node, '--test', '--test-reporter=tap', 'with-inject.test.js'), /^# fail 0$/m);
  });
  await t.test('sql-users', { skip: !hasSqlite(node) && 'this Node has no node:sqlite' }, (t) =>
    sqlUsers(t, node, cwd),
  );
}

t.test('the guides on the packed package', async (t) => {
  const cwd = installPackage(t, 'fastify', ...PASSWORDS.split(' '), '@fastify/cors', '@fastify/websocket');
  cpSync(`${cwd}/node_modules/session-cookie-login/examples/guides`, cwd, { recursive: true });
  for (const node of nodes(t)) {
    await t.test(`on Node ${versionOf(node)}`, (t) => testOn(t, node, cwd));
  }
});
