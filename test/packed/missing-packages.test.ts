import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t, { type Test } from 'tap';
import { run } from '../helpers/command-line.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// What an app sees that has not installed the optional packages. `npm run build` made dist.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));

/** A folder with the package, what npm installs with it, and `optional` packages. */
function installed(t: Test, ...optional: string[]): string {
  const cwd = temporaryDirectory(t);
  const own = `${cwd}/node_modules/session-cookie-login`;
  mkdirSync(own, { recursive: true });
  cpSync(`${ROOT}/dist`, `${own}/dist`, { recursive: true });
  cpSync(`${ROOT}/package.json`, `${own}/package.json`);
  for (const name of ['fastify', ...Object.keys(dependencies), ...optional]) {
    mkdirSync(dirname(`${cwd}/node_modules/${name}`), { recursive: true });
    symlinkSync(`${ROOT}/node_modules/${name}`, `${cwd}/node_modules/${name}`);
  }
  return cwd;
}

/** Runs an ES module in the folder. */
function runCode(cwd: string, code: string) {
  writeFileSync(`${cwd}/app.mjs`, code);
  return run([process.execPath, 'app.mjs'], {}, '', cwd);
}

const SESSIONS = `
  import Fastify from 'fastify';
  import { crossOriginGuard, sessions } from 'session-cookie-login';
  const app = Fastify();
  await app.register(crossOriginGuard);
  await app.register(sessions);
`;

t.test('sessions and the guard need no optional package', async (t) => {
  const outcome = await runCode(installed(t), `${SESSIONS} await app.ready(); console.log('ready');`);
  t.same(outcome, { code: 0, out: 'ready\n', err: '' });
});

t.test('each feature fails at its registration with one sentence that names the package', async (t) => {
  const cwd = installed(t);
  const cases = {
    "new (await import('session-cookie-login/login')).PasswordHasher()": '@node-rs/argon2@2',
    "app.register((await import('session-cookie-login/login')).login, { stores: { users: { find() {}, replace() {} } } })":
      '@node-rs/argon2@2 @zxcvbn-ts/language-common@4',
    "(await import('session-cookie-login/lmdb')).openLmdb('./data')": 'lmdb@3',
    "(await import('session-cookie-login/redis')).openRedis('redis://localhost')": '@redis/client@6',
    "(await import('session-cookie-login/service')).openStores('lmdb:./data')": 'lmdb@3',
  };
  for (const [expression, packages] of Object.entries(cases)) {
    const code = `${SESSIONS}
      try { await ${expression}; } catch ({ message }) { console.log(message); }`;
    const { code: exitCode, out, err } = await runCode(cwd, code);
    t.match({ exitCode, err }, { exitCode: 0, err: '' });
    t.match(out, /^[\w ]+ needs the optional packages? [^\n]+\. Install with: npm install [^\n]+\n$/, expression);
    t.ok(out.endsWith(`npm install ${packages}\n`), out);
  }
});

t.test('the service and the command line name all that is missing and exit with 1', async (t) => {
  const cwd = installed(t);
  const start = (file: string) =>
    run([process.execPath, `node_modules/session-cookie-login/dist/${file}`], {}, '', cwd);
  const packages = [
    'close-with-grace@2',
    '@node-rs/argon2@2',
    '@zxcvbn-ts/language-common@4',
    '@fastify/swagger@9',
    '@fastify/swagger-ui@6',
    'eta@4',
    'negotiator@1',
  ];
  const server = await start('server.js');
  t.match(server, { code: 1, out: '' });
  t.ok(server.err.endsWith(`. Install with: npm install ${packages.join(' ')}\n`), server.err);
  t.equal(server.err.split('\n').length, 2, 'one line');
  t.match(await start('cli.js'), {
    code: 1,
    out: '',
    err: 'The command line needs the optional packages commander, read and cli-progress. Install with: npm install commander@14 read@5 cli-progress@3\n',
  });
});

t.test('without @node-rs/bcrypt a bcrypt hash is a wrong password, and the log names the package', async (t) => {
  const code = `
    import Fastify from 'fastify';
    import { login, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';
    const log = [];
    const app = Fastify({ logger: { stream: { write: (line) => log.push(line) } } });
    const users = new MemoryUserStore();
    users.create(newUser('ann', '${await hashBcrypt('password', 4)}'));
    users.create(newUser('bob', await new PasswordHasher().hash('password')));
    await app.register(login, { stores: { users } });
    app.post('/signin', (request, reply) => reply.signIn(request.body));
    const signIn = (username) => app.inject({ method: 'POST', url: '/signin', payload: { username, password: 'password' } });
    const [ann, bob, eve] = [await signIn('ann'), await signIn('bob'), await signIn('eve')];
    const { err } = JSON.parse(log.find((line) => JSON.parse(line).level === 50));
    console.log(JSON.stringify({ statuses: [ann.statusCode, bob.statusCode], same: ann.body === eve.body, reason: err.message }));
  `;
  const cwd = installed(t, '@node-rs/argon2', '@zxcvbn-ts/language-common');
  const { out, err } = await runCode(cwd, code);
  t.equal(err, '');
  t.match(JSON.parse(out), {
    statuses: [401, 200],
    same: true,
    reason:
      'a bcrypt hash needs the optional package @node-rs/bcrypt. Install with: npm install @node-rs/bcrypt@1.10.8',
  });
});
