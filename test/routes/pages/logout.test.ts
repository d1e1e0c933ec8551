import t from 'tap';
import { attributesOf, open, submit, titleOf } from '../../helpers/pages.ts';
import { build, setCookies, signIn, welcome } from '../../helpers/service.ts';

t.test('a navigation to /logout signs out and leads to the sign-in page', async (t) => {
  const app = await build(t);
  for (const signOut of [open, submit]) {
    const cookie = await signIn(app);
    const response = await signOut(app, '/logout', {});
    t.equal(response.statusCode, 303, 'without a session cookie');
    t.equal(response.headers.location, '/signin?signed-out');
    t.same(setCookies(response), []);
    const signedOut = await (signOut === open
      ? open(app, '/logout', { cookie })
      : submit(app, '/logout', {}, { cookie }));
    t.equal(signedOut.statusCode, 303);
    t.equal(signedOut.headers.location, '/signin?signed-out');
    t.match(setCookies(signedOut), [/^session_token=; Max-Age=0; /]);
    t.equal(await welcome(app, cookie), 401);
    const again = await submit(app, '/logout', {}, { cookie });
    t.equal(again.statusCode, 303, 'with a token that is dead');
    t.match(setCookies(again), [/^session_token=; Max-Age=0; /]);
  }
});

t.test('no other site, no prefetch and no image signs anybody out', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { 'sec-purpose': 'prefetch' },
    { 'sec-fetch-dest': 'image' },
  ]) {
    const response = await open(app, '/logout', { cookie, ...headers } as Record<string, string>);
    t.equal(response.statusCode, 403);
    t.equal(titleOf(response), 'Error: Request refused');
    t.same(setCookies(response), []);
  }
  const posted = await submit(app, '/logout', {}, { cookie, 'sec-fetch-site': 'same-site' });
  t.equal(posted.statusCode, 403);
  const head = await app.inject({ method: 'HEAD', url: '/logout', headers: { cookie, accept: 'text/html' } });
  t.equal(head.statusCode, 405, 'a link checker sends it');
  t.equal(await welcome(app, cookie), 200);
});

const APP = 'https://app.example';
/** What browsers send when a user follows a link on a page of another origin. */
const LINK = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

t.test('a sign-out leads to next, if it may', async (t) => {
  const app = await build(t, { env: { TRUSTED_ORIGINS: APP } });
  const expected = {
    [`${APP}/bye?a=b`]: `${APP}/bye?a=b`,
    '/docs': '/docs',
    'https://evil.example/': '/signin?signed-out',
    '//evil.example': '/signin?signed-out',
    '/logout': '/signin?signed-out',
    '': '/signin?signed-out',
  };
  for (const [next, location] of Object.entries(expected)) {
    const url = `/logout?next=${encodeURIComponent(next)}`;
    for (const signOut of [open, submit]) {
      const cookie = await signIn(app);
      const response = await (signOut === open ? open(app, url, { cookie }) : submit(app, url, {}, { cookie }));
      t.equal(response.statusCode, 303);
      t.equal(response.headers.location, location, next);
      t.equal(await welcome(app, cookie), 401);
    }
  }
});

t.test('a link on a page of a trusted origin asks for one click', async (t) => {
  const app = await build(t, { env: { TRUSTED_ORIGINS: 'https://*.example.com, http://localhost:3000' } });
  const cookie = await signIn(app);
  const next = 'https://app.example.com/bye';
  const url = `/logout?next=${encodeURIComponent(next)}`;
  for (const [address, headers] of [
    [url, { referer: 'https://app.example.com/page' }],
    [url, { referer: 'http://localhost:3000/', 'sec-fetch-site': 'same-site' }],
    [url, {}],
    ['/logout', { referer: 'https://app.example.com/page' }],
  ] as [string, Record<string, string>][]) {
    const response = await open(app, address, { cookie, ...LINK, ...headers });
    t.equal(response.statusCode, 200);
    t.equal(titleOf(response), 'Sign out');
    t.same(setCookies(response), []);
    t.equal(attributesOf(response, 'form').action, address);
    t.equal(attributesOf(response, 'form').method, 'post');
    t.equal(response.headers['cache-control'], 'no-store');
    t.match(response.headers['content-security-policy'], /frame-ancestors 'none'/);
    t.notMatch(response.body, 'data-self', 'the page script must not load it again: that would sign out');
    t.notMatch(response.body, 'autofocus', 'a key that is pressed on the page before must not sign out');
  }
  t.equal(await welcome(app, cookie), 200, 'the link alone changes nothing');
  const click = await submit(app, url, {}, { cookie, 'sec-fetch-site': 'same-origin' });
  t.equal(click.statusCode, 303);
  t.equal(click.headers.location, next);
  t.equal(await welcome(app, cookie), 401);
});

t.test('a link on any other page, and what is no click on a link, is refused', async (t) => {
  const app = await build(t, { env: { TRUSTED_ORIGINS: APP } });
  const cookie = await signIn(app);
  const trusted = `/logout?next=${encodeURIComponent(`${APP}/`)}`;
  for (const [url, headers] of [
    [trusted, { referer: 'https://evil.example/' }],
    [trusted, { referer: 'nonsense' }],
    ['/logout', {}],
    ['/logout?next=/docs', {}],
    ['/logout?next=https://evil.example/', {}],
    [trusted, { 'sec-fetch-dest': 'iframe' }],
    [trusted, { 'sec-fetch-mode': 'no-cors' }],
    [trusted, { 'sec-purpose': 'prefetch' }],
  ] as [string, Record<string, string>][]) {
    const response = await open(app, url, { cookie, ...LINK, ...headers });
    t.equal(response.statusCode, 403, `${url} ${JSON.stringify(headers)}`);
  }
  const json = await app.inject({ url: trusted, headers: { cookie, ...LINK, referer: `${APP}/` } });
  t.equal(json.statusCode, 403, 'not a page request');
  t.equal(await welcome(app, cookie), 200);
});

t.test('several session cookies that are none of ours are told on a page', async (t) => {
  const app = await build(t);
  const tokens = Array.from({ length: 6 }, (_, n) => `session_token=${`${n}`.repeat(22)}.${'a'.repeat(43)}`);
  const response = await open(app, '/logout', { cookie: tokens.join('; ') });
  t.equal(response.statusCode, 401);
  t.equal(titleOf(response), 'Error: Too many session cookies');
  t.same(setCookies(response), []);
});

t.test('without scripts, the sign-in page removes the pages of the session from the back/forward cache', async (t) => {
  const app = await build(t);
  t.match((await open(app, '/signin?signed-out')).body, /<noscript><img src="\/logout\/clear" alt=""/);
  t.notMatch((await open(app, '/signin')).body, /noscript/);
  const headers = { accept: 'image/avif,image/webp,*/*;q=0.8', 'sec-fetch-site': 'same-origin' };
  const cleared = await app.inject({ url: '/logout/clear', headers });
  t.equal(cleared.statusCode, 204);
  t.match(cleared.headers, { 'clear-site-data': '"cache"', 'cache-control': 'no-store' });
  const foreign = await app.inject({ url: '/logout/clear', headers: { 'sec-fetch-site': 'cross-site' } });
  t.equal(foreign.statusCode, 403);
  t.equal(foreign.headers['clear-site-data'], undefined);
});
