import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { run } from '../helpers/command-line.ts';
import { installCommandOf, installPackage, nodes, versionOf } from '../helpers/packed.ts';
import { firstUrl, runCommandsOf } from '../helpers/readme.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';

// The package as a user gets it: packed, and installed into an empty folder. npm then chooses the versions of the
// dependencies. Neither package-lock.json nor devDependencies have an effect there. Everything runs on the Node that
// runs this test, and on the newest one. It installs from the npm registry. The service and its stores need the optional
// packages: the command that docs/operation.md has for production installs them.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ANN = { username: 'ann', password: 'a horse, a battery, a staple' };
const SERVER = 'node_modules/session-cookie-login/dist/server.js';
const COMMAND_LINE = 'node_modules/session-cookie-login/dist/cli.js';

/** Starts a program, and stops it at the end of the test. Resolves with the URL in the first line that has one. */
async function start(t: Test, node: string, cwd: string, file: string, env = {}): Promise<string> {
  const child = spawn(node, [file], {
    cwd,
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', ...LENIENT_TIMEOUTS, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await closed;
  });
  return firstUrl(child.stdout);
}

function post(url: string, body: object, headers = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** Signs ann in, and returns the headers that make her next requests. */
async function signIn(t: Test, url: string, path = '/signin'): Promise<{ cookie: string }> {
  t.equal((await post(`${url}${path}`, { ...ANN, password: 'wrong' })).status, 401);
  const response = await post(`${url}${path}`, ANN);
  t.equal(response.status, 200);
  return { cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
}

/** Adds a user with the command line, then signs in to a service on the same store. */
async function keepsUsers(t: Test, node: string, cwd: string, STORE_URL: string): Promise<void> {
  const added = await run(
    [node, `${cwd}/${COMMAND_LINE}`, 'users', 'add', ANN.username],
    { STORE_URL, ...LENIENT_TIMEOUTS },
    `${ANN.password}\n`,
  );
  t.match(added, { code: 0, err: '' });
  const url = await start(t, node, cwd, SERVER, { STORE_URL });
  const headers = await signIn(t, url);
  t.equal(await (await fetch(`${url}/welcome`, { headers })).text(), 'Welcome ann!');
}

/** The pages whose commands a reader can follow. */
function pages(): string[] {
  return ['README.md', 'docs/http-api.md'].filter((name) => existsSync(`${ROOT}/${name}`));
}

async function testOn(t: Test, node: string, cwd: string): Promise<void> {
  for (const page of pages()) {
    await t.test(`the commands of ${page}`, async (t) => {
      const url = await start(t, node, cwd, SERVER);
      runCommandsOf(t, readFileSync(`${ROOT}/${page}`, 'utf8'), Number(new URL(url).port));
    });
  }
  await t.test('LMDB', (t) => keepsUsers(t, node, cwd, `lmdb:${temporaryDirectory(t)}/data`));
  await t.test('Redis', async (t) => {
    const redis = await startRedis(t);
    if (redis) {
      await keepsUsers(t, node, cwd, redis.url);
    }
  });
  await t.test('examples/minimal-store', async (t) => {
    const { code, out } = await run([node, '--test', 'minimal-store/store.test.js'], {}, '', cwd);
    t.equal(code, 0, out);
    t.match(out, /pass [1-9]/);
  });
  // test/packed/guides.test.ts runs the guides.
  const apps = readdirSync(`${ROOT}/examples`).filter((name) => existsSync(`${ROOT}/examples/${name}/app.js`));
  for (const example of apps) {
    const [signin, signout] = example === 'embedded' ? ['/auth/signin', '/auth/logout'] : ['/signin', '/signout'];
    await t.test(`examples/${example}`, async (t) => {
      const url = await start(t, node, cwd, `${example}/app.js`, {
        SESSIONS_DIRECTORY: `${temporaryDirectory(t)}/sessions`,
      });
      const headers = await signIn(t, url, signin);
      t.equal((await post(`${url}${signout}`, {}, headers)).status, 200);
    });
  }
}

t.test('the packed package in an empty folder', async (t) => {
  const cwd = installPackage(t, ...installCommandOf('docs/operation.md'));
  const examples = `${cwd}/node_modules/session-cookie-login/examples`;
  t.ok(readdirSync(examples).length > 0, 'the package has examples');
  cpSync(examples, cwd, { recursive: true });

  for (const node of nodes(t)) {
    await t.test(`on Node ${versionOf(node)}`, (t) => testOn(t, node, cwd));
  }
});
