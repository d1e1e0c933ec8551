import t from 'tap';
import { prefersHtml } from '../../src/plugins/pages.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { NAVIGATION, open, submit, titleOf } from '../helpers/pages.ts';
import { build, cookieOf, setCookies, signIn, stubStore, USER1 } from '../helpers/service.ts';

t.test('a page request prefers text/html over application/json', async (t) => {
  for (const accept of [
    NAVIGATION,
    'text/html',
    'text/html, application/xhtml+xml, image/jxr, */*',
    'text/html;q=0.9, application/json;q=0.8',
    'text/html;q=0.1, */*;q=0',
    'Text/HTML, */*;q=0.1',
  ]) {
    t.equal(prefersHtml(accept), true, accept);
  }
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/*',
    'application/json',
    'application/json, text/plain, */*',
    'application/json, text/html',
    'application/json, text/html;q=0.9',
    'text/html;q=0, */*',
    'text/html;level',
    'text/htmlx',
    'x text/html',
    ',;=text/html',
    `text/html,${' '.repeat(1024)}`,
  ]) {
    t.equal(prefersHtml(accept), accept === 'text/html;level', String(accept));
  }
});

t.test('every page has its policy, may not be stored, and runs nothing inline (ASVS 3.7.1)', async (t) => {
  const trusted = 'https://app.example.com,https://admin.example.com:8443';
  const app = await build(t, { env: { TRUSTED_ORIGINS: trusted } });
  const cookie = await signIn(app);
  for (const response of [
    await open(app, '/signin'),
    await open(app, '/account', { cookie }),
    await open(app, '/nowhere'),
    await open(app, '/welcome/%E0%A4%A'),
    await submit(app, '/signin', { ...USER1, password: 'wrong' }),
    await submit(app, '/password', {}, { cookie }),
  ]) {
    t.match(response.headers, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self' https://app.example.com https://admin.example.com:8443; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
    t.match(response.headers.vary, /\bAccept\b/);
    t.notMatch(response.body, /<style|style="|<script(?! type="module" src="[^"]+"><\/script>)|\son\w+=|javascript:/i);
    t.match(response.body, /<html lang="en" dir="ltr">/);
    t.match(response.body, /<main>[\s\S]*<h1>/);
  }
});

t.test('errors of page requests are pages, with the status and the headers of the error', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const cases = [
    [await open(app, '/nowhere'), 404, 'Error: Page not found'],
    [await open(app, '/account/'), 404, 'Error: Page not found'],
    [await open(app, '/refresh'), 405, 'Error: Page not found'],
    [await open(app, '/welcome/%E0%A4%A'), 400, 'Error: The request is not valid'],
    [await open(app, `/account/sessions/${'a'.repeat(200)}/end`), 404, 'Error: Page not found'],
    [await submit(app, '/nowhere', { text: 'a'.repeat(20_000) }), 413, 'Error: Too much text'],
    [await submit(app, '/password', { newPassword: 'a'.repeat(20_000) }, { cookie }), 413, 'Error: Too much text'],
    [
      await submit(app, '/account/sessions/end-others', {}, { 'sec-fetch-site': 'cross-site' }),
      403,
      'Error: Request refused',
    ],
    [await open(app, '/logout', { cookie, 'sec-fetch-dest': 'image' }), 403, 'Error: Request refused'],
  ] as const;
  for (const [response, status, title] of cases) {
    t.equal(response.statusCode, status, title);
    t.equal(titleOf(response), title);
    t.same(setCookies(response), []);
    t.equal(response.headers.vary, 'Accept');
    t.match(response.body, /<a class="button" href="\/account">Go to your account<\/a>/);
  }
  t.equal((await open(app, '/refresh')).headers.allow, 'POST');
});

t.test('the allowed methods of an address are each listed once, with the pages for page requests only', async (t) => {
  const app = await build(t);
  for (const [url, forPages, forOthers] of [
    ['/signin', 'GET, HEAD, POST', 'POST'],
    ['/logout', 'GET, POST', 'GET, POST'],
    ['/', 'GET, HEAD', undefined],
    ['/account', 'GET, HEAD', undefined],
    ['/refresh', 'POST', 'POST'],
  ] as const) {
    const method = 'DELETE';
    t.equal((await app.inject({ method, url, headers: { accept: NAVIGATION } })).headers.allow, forPages, url);
    const other = await app.inject({ method, url });
    t.equal(other.headers.allow, forOthers, url);
    t.equal(other.statusCode, forOthers === undefined ? 404 : 405);
  }
});

t.test('a GET without a session leads to the sign-in page and back to the address', async (t) => {
  const app = await build(t);
  for (const [url, location] of [
    ['/account', '/signin?next=%2Faccount'],
    ['/account?done=session', '/signin?next=%2Faccount%3Fdone%3Dsession'],
    ['/welcome?a=%2F&b', '/signin?next=%2Fwelcome%3Fa%3D%252F%26b'],
    ['/sessions', '/signin?next=%2Fsessions'],
    [`/welcome?${'a'.repeat(3000)}`, '/signin'],
  ] as const) {
    const response = await open(app, url);
    t.equal(response.statusCode, 303);
    t.equal(response.headers.location, location);
    t.same(setCookies(response), []);
    t.equal(response.headers['cache-control'], 'no-store');
    t.equal(response.headers.vary, 'Accept');
  }
  const dead = await open(app, '/account', { cookie: 'session_token=x' });
  t.equal(dead.headers.location, '/signin?next=%2Faccount');
  const head = await app.inject({ method: 'HEAD', url: '/account', headers: { accept: NAVIGATION } });
  t.equal(head.statusCode, 303);
});

t.test('several session cookies are told on a page, because signing in again may not help', async (t) => {
  const app = await build(t);
  const response = await open(app, '/account', { cookie: 'session_token=x; session_token=y' });
  t.equal(response.statusCode, 401);
  t.equal(titleOf(response), 'Error: Too many session cookies');
  t.match(response.body, /<a class="button" href="\/signin\?next=%2Faccount">Sign in<\/a>/);
});

const CERTAIN = /Nobody was signed out/;
/** The store may have done what it was asked to, and only its reply may be lost. */
const UNCERTAIN = /Your session may have ended or not/;

t.test('a body of JSON is from an API client, whatever it accepts', async (t) => {
  const app = await build(t);
  const headers = { accept: 'text/html, */*;q=0.2' };
  const response = await app.inject({ method: 'POST', url: '/signin', payload: USER1, headers });
  t.match(response.json(), { username: 'user1' });
  t.equal(response.statusCode, 200);
});

t.test('an outage is a page that says that nobody was signed out, with when to try again', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let isDown = false;
  const fail = () => Promise.reject(new Error('down'));
  const find = (id: string) => (isDown ? fail() : inner.find(id));
  const app = await build(t, { sessionStore: stubStore(inner, { find, ping: fail }) });
  const cookie = await signIn(app);
  isDown = true;
  for (const url of ['/', '/signin', '/account', '/welcome', '/sessions', '/logout', '/readyz']) {
    const response = await open(app, url, { cookie });
    t.equal(response.statusCode, 503, url);
    t.equal(titleOf(response), 'Error: The service does not answer');
    t.match(response.body, url === '/logout' ? UNCERTAIN : CERTAIN, url);
    t.match(response.body, /You can try again in 1 second\./);
    t.equal(response.headers['retry-after'], '1');
    t.same(setCookies(response), []);
  }
  for (const url of ['/account/sessions/end-others', '/account/sessions/x/end', '/refresh', '/logout', '/password']) {
    const response = await submit(app, url, {}, { cookie });
    t.equal(response.statusCode, 503, url);
    t.match(response.body, ['/refresh', '/logout'].includes(url) ? UNCERTAIN : CERTAIN, url);
    t.same(setCookies(response), []);
  }
  t.equal((await open(app, '/signin')).statusCode, 200, 'a request without a token does not need the store');
});

t.test('Vary names Accept in the replies to page requests, beside what other plugins vary by', async (t) => {
  const origin = 'https://app.example.com';
  for (const [env, headers, other] of [
    [{}, {}, undefined],
    [{ TRUSTED_ORIGINS: origin }, { origin }, 'Origin'],
  ] as const) {
    const app = await build(t, { env });
    const varyOf = async (method: 'GET' | 'POST', url: string, accept: string) =>
      (await app.inject({ method, url, headers: { ...headers, accept } })).headers.vary;
    for (const [method, url] of [
      ['POST', '/signin'],
      ['POST', '/password'],
      ['POST', '/logout'],
      ['GET', '/logout'],
      ['GET', '/welcome'],
      ['GET', '/nowhere'],
      ['GET', '/signin'],
    ] as const) {
      t.equal(await varyOf(method, url, NAVIGATION), other ? `${other}, Accept` : 'Accept', url);
      t.equal(await varyOf(method, url, '*/*'), other, url);
    }
  }
});

t.test('with PAGES=off nothing is a page', async (t) => {
  const app = await build(t, { env: { PAGES: 'off' } });
  for (const [url, status] of [
    ['/', 404],
    ['/signin', 405],
    ['/account', 404],
    ['/welcome', 401],
    ['/logout', 401],
  ] as const) {
    const response = await open(app, url);
    t.equal(response.statusCode, status, url);
    t.equal(response.json().statusCode, status);
    t.equal(response.headers.vary, undefined);
  }
  const response = await submit(app, '/signin', USER1);
  t.equal(response.statusCode, 200);
  t.match(response.json(), { username: 'user1' });
});

t.test('the name, the logo and the style sheet of the site are on every page', async (t) => {
  const folder = t.testdir({ 'Our Logo.SVG': '<svg xmlns="http://www.w3.org/2000/svg"/>', 'site.css': ':root{}' });
  const env = {
    SITE_NAME: 'Tom & Jerry’s <login>',
    SITE_LOGO: `${folder}/Our Logo.SVG`,
    SITE_STYLES: `${folder}/site.css`,
  };
  const app = await build(t, { env });
  for (const url of ['/signin', '/nowhere']) {
    const { body } = await open(app, url);
    t.match(body, '<p class="site">Tom &amp; Jerry’s &lt;login&gt;</p>');
    t.match(body, /– Tom &amp; Jerry’s &lt;login&gt;<\/title>/);
    t.match(body, /<img class="logo" src="\/assets\/site-logo\.svg[^"]*" alt="">/);
    t.match(body, /<link rel="icon" href="\/assets\/site-logo\.svg[^"]*">/);
    const styles = [...body.matchAll(/<link rel="stylesheet" href="([^"]*)">/g)].map(([, url = '']) => url);
    t.equal(styles.length, 2);
    t.match(styles[0], /^\/assets\/styles\.css/);
    t.match(styles[1], /^\/assets\/site-styles\.css/, 'after ours');
  }
  t.notMatch((await open(await build(t), '/signin')).body, /<img/);
});

t.test('below a path, every link, form, asset and redirect has the path', async (t) => {
  const app = await build(t, { env: { PUBLIC_URL: 'http://localhost:8080/login' } });
  t.equal((await open(app, '/login/')).headers.location, '/login/signin');
  t.equal((await open(app, '/account')).headers.location, '/login/signin?next=%2Flogin%2Faccount');
  t.equal((await open(app, '/login/welcome')).headers.location, '/login/signin?next=%2Flogin%2Fwelcome');
  const signedIn = await submit(app, '/login/signin', { ...USER1, next: '/login/welcome' });
  t.equal(signedIn.headers.location, '/login/welcome');
  const cookie = cookieOf(signedIn);
  t.equal((await submit(app, '/login/signin', { ...USER1, next: '/welcome' })).headers.location, '/login/account');
  t.equal((await open(app, '/login/logout', {})).headers.location, '/login/signin?signed-out');
  for (const url of ['/login/signin?next=/login/account', '/login/account', '/login/nowhere']) {
    const { body } = await open(app, url, { cookie });
    const urls = [...body.matchAll(/\s(?:src|href|action|data-self|data-client)="([^"]*)"/g)].map(
      ([, url = '']) => url,
    );
    t.ok(urls.length > 3);
    for (const url of urls) {
      t.match(url, /^\/login\//);
    }
  }
});

t.test('an Accept header that is as long as headers may be costs little time', async (t) => {
  for (const part of [',', ';', '"', 'text/html,', 'text/html;q="a,', 'a/b;c=d,', '*/*;', ' ', 'text/html;q=0.5;']) {
    const accept = `text/html${part.repeat(16_000 / part.length)}`;
    const startedAt = process.cpuUsage();
    prefersHtml(accept);
    const { user } = process.cpuUsage(startedAt);
    t.ok(user < 500_000, `${JSON.stringify(part)}: ${user} µs`);
  }
});
