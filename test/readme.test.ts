import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Environment, parseConfig } from '../src/config.ts';
import { startServer } from './server-process.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , text = '']) => text);
}

/** Ids and times are others in each run. */
function masked(output: string): string {
  return output.replace(/"id":"[\w-]{22}"/g, '"id":"…"').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…');
}

t.test('the walk prints what it says it prints', async (t) => {
  const { port } = await startServer(t);
  const cwd = t.testdir({});
  const steps = blocks('console').flatMap((block) => block.split(/^\$ /m).slice(1));
  t.ok(steps.length > 5);
  for (const step of steps) {
    const [command = '', ...output] = step.trim().split('\n');
    const local = command
      .replace('localhost:8080', `127.0.0.1:${port}`)
      .replace(/^curl/, 'curl --silent --show-error');
    const printed = execFileSync('sh', ['-c', local], { cwd, encoding: 'utf8' });
    t.equal(masked(printed), masked(output.join('\n')), command);
  }
});

t.test('the app with the plugins inside runs as it stands there', async (t) => {
  const [code = ''] = blocks('js');
  const child = spawn(process.execPath, ['app.js'], {
    // Inside the package, where its own name leads to what `npm run build` made.
    cwd: t.testdir({ 'app.js': code }),
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.teardown(() => {
    child.kill();
    return exited;
  });
  const url = String((await once(child.stdout, 'data'))[0]).trim();

  const enter = (password: string, headers = {}) =>
    fetch(`${url}/enter`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ username: 'ann', password }),
    });
  t.equal((await enter('wrong')).status, 401);
  t.equal((await enter('a horse, a battery, a staple', { 'sec-fetch-site': 'cross-site' })).status, 403);
  const entered = await enter('a horse, a battery, a staple');
  t.equal(entered.status, 200);
  const cookie = entered.headers.getSetCookie()[0] ?? '';
  t.match(cookie, /^notes_session=.*Max-Age=900;/);
  const headers = { cookie: cookie.split(';')[0] ?? '' };
  t.equal((await fetch(`${url}/notes`)).status, 401);
  t.same(await (await fetch(`${url}/notes`, { headers })).json(), { notes: 'the notes of ann' });
  t.same(await (await fetch(`${url}/leave`, { method: 'POST', headers })).json(), { left: true });
  t.equal((await fetch(`${url}/notes`, { headers })).status, 401);
});

t.test('the command line starts as it is written there, and as the package has it', async (t) => {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  t.match(readme, 'node dist/cli.js users add ann');
  const { bin } = JSON.parse(readFileSync(`${cwd}/package.json`, 'utf8'));
  for (const command of ['node dist/cli.js', `./${bin['session-cookie-login']}`]) {
    const help = execFileSync('sh', ['-c', `${command} users add --help`], { cwd, encoding: 'utf8' });
    t.match(help, /^Usage: session-cookie-login users add/);
  }
});

t.test('the table of settings has every variable in order, with its default', async (t) => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` +\| `(.*?)` +\|/gm)].map(
    ([, name, value]) => [name, value] as const,
  );
  t.same(
    rows.map(([name]) => name),
    Object.keys(Environment.properties),
  );
  const env = Object.fromEntries(rows.map(([name, value]) => [name, value?.replace('PORT', '8080')]));
  t.same(parseConfig(env), parseConfig({}));
});
