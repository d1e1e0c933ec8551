import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { codeBlocks, firstUrl, runCommandsOf } from './helpers/readme.ts';
import { startServer } from './helpers/server-process.ts';
import { build } from './helpers/service.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

t.test('the commands print what the pages say they print', async (t) => {
  const { port } = await startServer(t);
  // The second page changes a password, so it comes last.
  runCommandsOf(t, readme, port);
  runCommandsOf(t, read('docs/http-api.md'), port);
});

t.test('the app with the plugins inside runs as it stands in the README', async (t) => {
  const [code = ''] = codeBlocks(readme, 'js');
  const child = spawn(process.execPath, ['app.mjs'], {
    // Inside the package, where its own name leads to what `npm run build` made.
    cwd: t.testdir({ 'app.mjs': code }),
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.teardown(() => {
    child.kill();
    return exited;
  });
  const url = await firstUrl(child.stdout);

  const signIn = (password: string, headers = {}) =>
    fetch(`${url}/auth/signin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ username: 'ann', password }),
    });
  t.equal((await signIn('wrong')).status, 401);
  t.equal((await signIn('a horse, a battery, a staple', { 'sec-fetch-site': 'cross-site' })).status, 403);
  const signedIn = await signIn('a horse, a battery, a staple');
  t.equal(signedIn.status, 200);
  const cookie = signedIn.headers.getSetCookie()[0] ?? '';
  t.match(cookie, /^session_token=.*Max-Age=900;/);
  const headers = { cookie: cookie.split(';')[0] ?? '' };
  t.equal((await fetch(`${url}/me`)).status, 401);
  t.equal(await (await fetch(`${url}/me`, { headers })).text(), 'Hello ann');
});

t.test('the command line starts as the docs write it, and as the package has it', async (t) => {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { bin } = JSON.parse(read('package.json'));
  t.match(read('docs/operation.md'), 'npx session-cookie-login users add ann');
  // `npx` runs the file of `bin`. It must be executable.
  t.match(read('docs/operation.md'), `\`node ${bin['session-cookie-login']} …\``);
  for (const command of ['node dist/cli.js', `./${bin['session-cookie-login']}`]) {
    const help = execFileSync('sh', ['-c', `${command} users add --help`], { cwd, encoding: 'utf8' });
    t.match(help, /^Usage: session-cookie-login users add/);
  }
});

t.test('the pages run the files of the installed package', async (t) => {
  const blocks = ['operation', 'http-api'].flatMap((name) => codeBlocks(read(`docs/${name}.md`), 'sh'));
  const files = blocks.flatMap((block) => block.match(/\S*dist\/\S+\.js/g) ?? []);
  t.ok(files.length >= 6);
  for (const file of files) {
    t.match(file, /^node_modules\/session-cookie-login\//);
    t.ok(existsSync(new URL(`../${file.replace('node_modules/session-cookie-login/', '')}`, import.meta.url)), file);
  }
  t.notMatch(blocks.join(''), /npm (run|start)/);
});

t.test('the table of docs/http-api.md has the routes and statuses of the OpenAPI document', async (t) => {
  const { paths } = (await (await build(t)).inject('/docs/json')).json();
  const routes = Object.entries<Record<string, { responses: object }>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => [
      `${method.toUpperCase()} ${path}`,
      // Any route may answer 500.
      Object.keys(responses).filter((status) => Number(status) >= 400 && status !== '500'),
    ]),
  );
  const rows = [...read('docs/http-api.md').matchAll(/^\| `([A-Z]+ \/.*?)`.* \|(.*?)\|$/gm)].map(
    ([, route = '', errors = '']) => [route, errors.match(/\d{3}/g) ?? []],
  );
  t.same(Object.fromEntries(rows), Object.fromEntries(routes));
  for (const [route] of routes) {
    t.ok(readme.includes(`\`${String(route).replace('{id}', ':id')}\``), String(route));
  }
});

t.test('the README fits on four screens', async (t) => {
  t.ok(readme.split('\n').length <= 161, 'at most 160 lines');
});

/** The anchor of a heading, as code hosts make it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

t.test('the package has what its README and its docs link to', async (t) => {
  const { files } = JSON.parse(read('package.json'));
  for (const file of ['docs', 'examples', '.env.example', 'CHANGELOG.md', 'SECURITY.md']) {
    t.ok(files.includes(file), file);
  }
});

t.test('every link between the pages leads to a file, and to a heading of it', async (t) => {
  const pages = [
    ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
    ...['architecture', 'configuration', 'embedding', 'http-api', 'operation', 'security'].map(
      (name) => `docs/${name}.md`,
    ),
    ...['embedded', 'custom-store', 'minimal-store'].map((name) => `examples/${name}/README.md`),
  ];
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    for (const link of links.filter((link) => !link.includes('://'))) {
      const [path = '', heading] = link.split('#');
      const target = path === '' ? page : new URL(path, `file:///${page}`).pathname.slice(1);
      const url = new URL(`../${target}`, import.meta.url);
      t.ok(existsSync(url), `${page}: ${link}`);
      if (heading !== undefined) {
        const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => anchor(text));
        t.ok(headings.includes(heading), `${page}: ${link}`);
      }
    }
  }
});
