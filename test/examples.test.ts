import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { testSessionStore } from '../src/exports/testing.ts';
import type { SessionStore } from '../src/sessions/session-store.ts';
import { run } from './helpers/command-line.ts';
import { firstUrl } from './helpers/readme.ts';
import { owner, record, version } from './helpers/service.ts';
import { temporaryDirectory } from './helpers/temporary-directory.ts';
import { rulesOf } from './slow/testing/rules.ts';

// The apps in examples/ run as a reader starts them: on what `npm run build` made, each in a process of its own.

const ANN = { username: 'ann', password: 'a horse, a battery, a staple' };

interface App {
  readonly url: string;
  readonly stop: () => Promise<unknown>;
}

/**
 * Copies an example to a directory inside the package, where the name of the package leads to `dist`. Coverage ignores
 * the copy: no test can use the default port and directory of an example.
 */
function copyExample(t: Test, example: string): string {
  const directory = t.testdir({});
  cpSync(new URL(`../examples/${example}`, import.meta.url), directory, { recursive: true });
  return directory;
}

/** Starts an example on a free port. It prints its URL once it listens. */
async function start(t: Test, cwd: string, env: Record<string, string> = {}): Promise<App> {
  const child = spawn(process.execPath, ['app.js'], {
    cwd,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = () => {
    child.kill();
    return exited;
  };
  t.teardown(stop);
  return { url: await firstUrl(child.stdout), stop };
}

function post(url: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** The session cookie that a reply sets, as a browser sends it back. */
function cookieOf(response: Response): { cookie: string } {
  return { cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
}

t.test('the embedded login signs in, guards its routes and signs out', async (t) => {
  const { url } = await start(t, copyExample(t, 'embedded'));
  t.equal((await post(`${url}/auth/signin`, [])).status, 400);
  t.equal((await post(`${url}/auth/signin`, { username: 'ann' })).status, 401);
  t.equal((await post(`${url}/auth/signin`, { ...ANN, password: 'wrong' })).status, 401);
  t.equal((await post(`${url}/auth/signin`, ANN, { 'sec-fetch-site': 'cross-site' })).status, 403);

  const signedIn = await post(`${url}/auth/signin`, ANN);
  t.equal(signedIn.status, 200);
  t.match(signedIn.headers.getSetCookie()[0], /^notes_session=.*Max-Age=900;/);
  t.match(await signedIn.json(), { username: 'ann', expiresAt: String });

  const headers = cookieOf(signedIn);
  t.equal((await fetch(`${url}/notes`)).status, 401);
  t.equal((await fetch(`${url}/auth/session`, { headers })).status, 200);
  t.same(await (await fetch(`${url}/notes`, { headers })).json(), { notes: 'the notes of ann' });
  t.same(await (await post(`${url}/auth/logout`, {}, headers)).json(), { message: 'Signed out.' });
  t.equal((await fetch(`${url}/notes`, { headers })).status, 401);
});

t.test('the app in docs/embedding.md is the embedded example', async (t) => {
  const docs = readFileSync(new URL('../docs/embedding.md', import.meta.url), 'utf8');
  const code = readFileSync(new URL('../examples/embedded/app.js', import.meta.url), 'utf8');
  t.ok(docs.includes(`\`\`\`js\n${code}\`\`\``));
});

t.test('the sessions of the custom store outlive a restart, until they are ended', async (t) => {
  const env = { SESSIONS_DIRECTORY: `${temporaryDirectory(t)}/sessions` };
  const files = () => readdirSync(env.SESSIONS_DIRECTORY).length;
  const directory = copyExample(t, 'custom-store');
  const first = await start(t, directory, env);
  t.equal((await post(`${first.url}/signin`, { ...ANN, password: 'wrong' })).status, 401);
  t.equal(files(), 0);
  const signedIn = await post(`${first.url}/signin`, ANN);
  t.equal(signedIn.status, 200);
  t.equal(files(), 1);
  const headers = cookieOf(signedIn);
  await first.stop();

  const second = await start(t, directory, env);
  t.equal(await (await fetch(`${second.url}/whoami`, { headers })).text(), 'ann');
  t.same(await (await post(`${second.url}/signout`, {}, headers)).json(), { signedOut: true });
  t.equal((await fetch(`${second.url}/whoami`, { headers })).status, 401);
  t.equal(files(), 0);
});

/** The store of the example. It is JavaScript, so its type is stated here. */
async function openStore(path: string): Promise<SessionStore> {
  const { href } = new URL('../examples/custom-store/directory-store.js', import.meta.url);
  const { DirectorySessionStore } = await import(href);
  return new DirectorySessionStore(path);
}

t.test('the custom store keeps the contract', (t) => testSessionStore(t.test, () => openStore(temporaryDirectory(t))));

t.test('the minimal store has about twenty lines, and passes the suite in a file of node:test', async (t) => {
  const cwd = copyExample(t, 'minimal-store');
  t.ok(readFileSync(`${cwd}/store.js`, 'utf8').split('\n').length <= 25);
  const nodeTest = [process.execPath, '--test', '--test-reporter=tap', 'store.test.js'];
  const { code, out } = await run(nodeTest, {}, '', cwd);
  t.equal(code, 0, out);
  const passed = [...out.matchAll(/^ *ok \d+ - (.*)$/gm)].map(([, name]) => name);
  t.ok((await rulesOf((test) => testSessionStore(test, () => openStore(cwd)))).every((rule) => passed.includes(rule)));
});

t.test('a change of the custom store that cannot be written throws and changes nothing', async (t) => {
  const path = temporaryDirectory(t);
  const store = await openStore(path);
  await store.create(record());
  const [file = ''] = readdirSync(path);
  // A directory in place of the temporary file makes every write fail, also for root.
  mkdirSync(`${path}/${file}.tmp`);
  t.throws(() => store.replace(record({ secretHash: 'next' }), version('hash')), { code: 'EISDIR' });
  t.same(await store.find('id'), record());
  rmSync(path, { recursive: true });
  t.throws(() => store.remove('id'), { code: 'ENOENT' });
  t.same(await store.find('id'), record());
  t.throws(() => store.ping(), { code: 'ENOENT' });
});

t.test('the custom store reads its files when it opens, and removes what has expired at a sign-in', async (t) => {
  const path = temporaryDirectory(t);
  const first = await openStore(path);
  await first.create(record({ expiresAt: 1 }));
  await first.create(record({ id: 'other', username: 'user2', expiresAt: 1 }));
  await first.close();
  const second = await openStore(path);
  t.same((await second.listByUser(owner('user1'))).length, 1);
  await second.create(record({ id: 'new' }));
  t.same(await second.listByUser(owner('user1')), [record({ id: 'new' })]);
  t.equal((await second.listByUser(owner('user2'))).length, 1, 'others are not searched');
  writeFileSync(`${path}/broken.json`, '{');
  await t.rejects(openStore(path), SyntaxError);
});
