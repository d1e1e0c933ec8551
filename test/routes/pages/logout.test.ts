import t from 'tap';
import { open, submit, titleOf } from '../../helpers/pages.ts';
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
