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
    t.equal(signedOut.headers['clear-site-data'], '"cache"', 'the back button shows no page of the session');
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
