import t from 'tap';
import type { SessionOwner } from '../../../src/sessions/session.ts';
import { MemorySessionStore } from '../../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { attributesOf, open, submit, textOf, titleOf } from '../../helpers/pages.ts';
import { RememberingHasher } from '../../helpers/remembering-hasher.ts';
import { ANN, build, cookieOf, setCookies, signIn, stubStore, USER1, USER2, welcome } from '../../helpers/service.ts';

const TRUSTED = 'https://app.example.com';

t.test('/ leads to the account page of a signed-in user, and others to the sign-in page', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  for (const [headers, location] of [
    [{ cookie }, '/account'],
    [{}, '/signin'],
    [{ cookie: 'session_token=x' }, '/signin'],
  ] as const) {
    const response = await open(app, '/', headers);
    t.equal(response.statusCode, 303);
    t.equal(response.headers.location, location);
    t.same(setCookies(response), []);
  }
});

t.test('the form is made for password managers (ASVS 6.2.6, 6.2.7)', async (t) => {
  const app = await build(t);
  const response = await open(app, '/signin');
  t.equal(response.statusCode, 200);
  t.equal(titleOf(response), 'Sign in');
  t.same(attributesOf(response, 'form'), { method: 'post', action: '/signin' });
  t.match(attributesOf(response, 'username'), {
    id: 'username',
    type: 'text',
    value: '',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: '',
    autofocus: '',
  });
  t.match(attributesOf(response, 'password'), {
    id: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: '',
  });
  t.match(response.body, /<label for="username"[^>]*>User name<\/label>/);
  t.match(response.body, /<label for="password"[^>]*>Password<\/label>/);
  t.notMatch(response.body, /maxlength|onpaste|autocomplete="off"|name="next"|role="alert"/);
  t.equal(response.body.match(/<form/g)?.length, 1);
});

t.test('a sign-in leads to the account page, or to next if that is allowed (ASVS 3.7.2)', async (t) => {
  const app = await build(t, { env: { TRUSTED_ORIGINS: TRUSTED } });
  for (const [next, location] of [
    [undefined, '/account'],
    ['/welcome?a=1', '/welcome?a=1'],
    [`${TRUSTED}/inbox?a=1#b`, `${TRUSTED}/inbox?a=1#b`],
    ['//evil.example', '/account'],
    ['/\\evil.example', '/account'],
    ['https:evil.example', '/account'],
    ['javascript:alert(1)', '/account'],
    ['https://evil.example/', '/account'],
    ['/%09/evil.example', '/%09/evil.example'],
    ['/logout', '/account'],
    ['', '/account'],
  ] as const) {
    const response = await submit(app, '/signin', { ...USER1, ...(next !== undefined && { next }) });
    t.equal(response.statusCode, 303, `${next}`);
    t.equal(response.headers.location, location, `${next}`);
    t.equal(response.body, '');
    t.equal(response.headers['cache-control'], 'no-store');
    t.equal(await welcome(app, cookieOf(response)), 200);
    t.ok(cookieOf(response, 'device_token'));
  }
});

t.test('the form passes on a next that is allowed, and no other', async (t) => {
  const app = await build(t, { env: { TRUSTED_ORIGINS: TRUSTED } });
  const allowed = await open(app, `/signin?next=${encodeURIComponent('/welcome?a="<b>&c')}`);
  t.equal(textOf(allowed, 'hint'), 'Sign in to continue.');
  t.equal(attributesOf(allowed, 'next').value, '/welcome?a=%22%3Cb%3E&amp;c');
  t.match(allowed.body, /data-self="\/signin\?next=%2Fwelcome%3Fa%3D%2522%253Cb%253E%26c"/);
  for (const next of ['//evil.example', 'javascript:alert(1)', '"><script>', '/a&next=/b', '']) {
    const response = await open(app, `/signin?next=${encodeURIComponent(next)}`);
    t.equal(response.statusCode, 200);
    t.notMatch(response.body, /evil|javascript:|<script>/);
  }
  const twice = await open(app, '/signin?next=/a&next=/b');
  t.same(attributesOf(twice, 'next'), {});
});

t.test('a failure shows the form again, with its message, the name and next, and sets no cookie', async (t) => {
  const app = await build(t);
  const name = '"><script>alert(1)</script>';
  const fields = { username: name, password: 'a secret', next: '/welcome' };
  const response = await submit(app, '/signin', fields);
  t.equal(response.statusCode, 401);
  t.equal(titleOf(response), 'Error: Sign in');
  t.equal(textOf(response, 'error'), 'Wrong user name or password.');
  t.match(response.body, /<p class="error" id="error" role="alert">/);
  t.match(response.body, 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
  t.notMatch(response.body, /<script>|a secret/);
  t.equal(attributesOf(response, 'next').value, '/welcome');
  for (const field of ['username', 'password']) {
    t.match(attributesOf(response, field), { 'aria-invalid': 'true', 'aria-describedby': 'error' });
  }
  t.equal(attributesOf(response, 'password').autofocus, '', 'the name is there, so the password comes next');
  t.same(setCookies(response), []);
});

t.test('a failure says the same for a name that exists and for one that does not', async (t) => {
  const app = await build(t);
  const bodies = await Promise.all(
    [
      { username: 'user1', password: 'wrong' },
      { username: 'nobody', password: 'wrong' },
      { username: 'user1', password: '' },
      { password: 'wrong' },
      {},
    ].map(async (fields: Record<string, string>) => {
      const { statusCode, headers, body } = await submit(app, '/signin', fields);
      const { date, 'content-length': _, 'x-request-id': __, ...others } = headers;
      t.ok(date);
      return { statusCode, headers: others, body: body.replace(/value="[^"]*"/, '').replace(/ autofocus/g, '') };
    }),
  );
  t.equal(bodies[0]?.statusCode, 401);
  for (const body of bodies) {
    t.same(body, bodies[0]);
  }
});

t.test('too many failures are told with the wait in words', async (t) => {
  const env = { SIGNIN_FAILURES_PER_USER: '1', SIGNIN_FAILURE_WINDOW_SECONDS: '900' };
  const app = await build(t, { env });
  const wrong = { ...USER1, password: 'wrong' };
  t.equal((await submit(app, '/signin', wrong)).statusCode, 401);
  const response = await submit(app, '/signin', wrong);
  t.equal(response.statusCode, 429);
  t.equal(response.headers['retry-after'], '900');
  t.equal(textOf(response, 'error'), 'Too many failed sign-ins. Try again in 15 minutes.');
  t.equal(attributesOf(response, 'username').value, 'user1');
  t.equal(attributesOf(response, 'username')['aria-invalid'], undefined);
  t.same(setCookies(response), []);
});

t.test('an outage shows the form again, and says that nobody was signed out', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const create = () => Promise.reject(new Error('down'));
  const app = await build(t, { sessionStore: stubStore(inner, { create }) });
  const response = await submit(app, '/signin', USER1);
  t.equal(response.statusCode, 503);
  t.equal(response.headers['retry-after'], '1');
  t.match(textOf(response, 'error'), /Nobody was signed out/);
  t.equal(attributesOf(response, 'username').value, 'user1');
  t.same(setCookies(response), []);
});

t.test('what is no form, or no such form, shows the form again with the status of the error', async (t) => {
  const app = await build(t);
  const form = 'application/x-www-form-urlencoded';
  for (const [payload, type, status] of [
    ['username=%ff&password=x', form, 400],
    ['username=a&username=b&password=x', form, 400],
    [`username=${'a'.repeat(257)}&password=x`, form, 400],
    [`username=user1&password=${'a'.repeat(1025)}`, form, 400],
    [`username=${'a'.repeat(17_000)}`, form, 413],
    [Buffer.from([0xff, 0xfe]), form, 400],
    ['x', 'text/plain', 415],
    ['--x--', 'multipart/form-data; boundary=x', 415],
    ['', form, 401],
  ] as const) {
    const response = await app.inject({
      method: 'POST',
      url: '/signin',
      payload,
      headers: { accept: 'text/html', 'content-type': type },
    });
    t.equal(response.statusCode, status, String(payload).slice(0, 60));
    t.equal(titleOf(response), 'Error: Sign in');
    t.ok(textOf(response, 'error'));
    t.same(setCookies(response), []);
  }
  const empty = await app.inject({ method: 'POST', url: '/signin', headers: { accept: 'text/html' } });
  t.equal(empty.statusCode, 400);
});

t.test('if the store fails after the earlier session has ended, the form does not deny it', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  let isDown = false;
  const listByUser = async (owner: SessionOwner) => {
    if (isDown) {
      throw new Error('down');
    }
    return inner.listByUser(owner);
  };
  const app = await build(t, { sessionStore: stubStore(inner, { listByUser }) });
  const cookie = await signIn(app);
  isDown = true;
  const again = await submit(app, '/signin', USER1, { cookie });
  t.equal(again.statusCode, 503);
  t.match(textOf(again, 'error'), /Your earlier session may have ended/);
  t.same(setCookies(again), []);
  const first = await submit(app, '/signin', USER1);
  t.equal(first.statusCode, 503);
  t.match(textOf(first, 'error'), /Nobody was signed out/);
});

t.test('a page of another site cannot sign anybody in', async (t) => {
  const app = await build(t);
  const response = await submit(app, '/signin', USER1, { origin: 'https://evil.example' });
  t.equal(response.statusCode, 403);
  t.equal(titleOf(response), 'Error: Request refused');
  t.same(setCookies(response), []);
});

t.test('a signed-in user is asked to confirm the password, and may sign in as somebody else', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const response = await open(app, '/signin?next=/account&signed-out', { cookie });
  t.equal(titleOf(response), 'Confirm your password');
  t.equal(attributesOf(response, 'username').value, 'user1');
  t.equal(attributesOf(response, 'password').autofocus, '');
  t.notMatch(response.body, /You are signed out|data-signed-out/, 'another page may link here');
  const confirmed = await submit(app, '/signin', { ...USER1, next: '/account' }, { cookie });
  t.equal(confirmed.headers.location, '/account');
  t.equal(await welcome(app, cookie), 401, 'the session before has ended');
  const other = await submit(app, '/signin', USER2, { cookie: cookieOf(confirmed) });
  t.equal(other.statusCode, 303);
});

t.test('after a sign-out the page says so', async (t) => {
  const app = await build(t);
  const response = await open(app, '/signin?signed-out');
  t.match(response.body, /<p class="notice" role="status">You are signed out\.<\/p>/);
  t.match(response.body, /<body class="signin-page" data-signed-out="true"/);
  t.notMatch((await open(app, '/signin')).body, /data-signed-out|class="notice"/);
});

t.test('after a link on another site the page tries whether a bound session lives', async (t) => {
  const env = { PUBLIC_URL: 'https://example.com/login', TRUSTED_ORIGINS: TRUSTED };
  const app = await build(t, { env });
  const link = { 'sec-fetch-site': 'cross-site' };
  for (const [url, next] of [
    ['/signin', '/login/account'],
    ['/signin?next=%2Flogin%2Fwelcome', '/login/welcome'],
    [`/signin?next=${encodeURIComponent(`${TRUSTED}/inbox?a=1`)}`, `${TRUSTED}/inbox?a=1`],
    ['/signin?next=https%3A%2F%2Fevil.example', '/login/account'],
  ] as const) {
    for (const site of ['cross-site', 'same-site']) {
      const response = await open(app, url, { 'sec-fetch-site': site });
      t.equal(attributesOf(response, 'body')['data-next'], next, `${site} ${url}`);
    }
  }
  const body = async (url: string, headers: Record<string, string>) => (await open(app, url, headers)).body;
  t.notMatch(await body('/signin?signed-out', link), 'data-next', 'the user has signed out');
  for (const site of ['none', 'same-origin']) {
    t.notMatch(await body('/signin', { 'sec-fetch-site': site }), 'data-next', 'the browser has held the request');
  }
  t.notMatch(await body('/signin', {}), 'data-next');
  const cookie = cookieOf(await submit(app, '/signin', USER1), '__Host-session_token');
  t.notMatch(await body('/signin', { ...link, cookie }), 'data-next', 'the user is signed in');
  const failed = await submit(app, '/signin', { ...USER1, password: 'wrong' }, { origin: 'https://example.com' });
  t.notMatch(failed.body, 'data-next');
  const off = await build(t, { env: { ...env, DEVICE_BOUND_SESSIONS: 'off' } });
  t.notMatch((await open(off, '/signin', link)).body, 'data-next');
});

t.test('a user whose password has expired chooses another one on the sign-in page', async (t) => {
  const [users, sessions, passwords] = [new MemoryUserStore(), new MemorySessionStore(), new RememberingHasher()];
  const ann = newUser(ANN.username, await passwords.hash(ANN.password));
  users.create({ ...ann, passwordExpired: true });
  const app = await build(t, { userStore: users, sessionStore: sessions, passwords });
  t.same(attributesOf(await open(app, '/signin'), 'newPassword'), {}, 'no field before the right password');
  const asked = await submit(app, '/signin', { ...ANN, next: '/welcome' });
  t.equal(asked.statusCode, 403);
  t.same(setCookies(asked), []);
  t.equal(textOf(asked, 'error'), 'Your password has expired. Enter it once more, and choose a new one.');
  t.match(attributesOf(asked, 'username'), { value: 'ann' });
  t.match(attributesOf(asked, 'newPassword'), { type: 'password', autocomplete: 'new-password', required: '' });
  t.match(asked.body, 'At least 15 characters.');
  t.notMatch(asked.body, ANN.password);
  const short = await submit(app, '/signin', { ...ANN, newPassword: 'short', next: '/welcome' });
  t.equal(short.statusCode, 400);
  t.match(textOf(short, 'error'), /must have 15 or more\. Your password was not changed\./);
  t.match(attributesOf(short, 'newPassword'), { type: 'password' });
  t.equal(attributesOf(short, 'next').value, '/welcome');
  const wrong = await submit(app, '/signin', { ...ANN, password: 'wrong', newPassword: 'another horse, a battery' });
  t.equal(textOf(wrong, 'error'), 'Wrong user name or password.');
  t.match(attributesOf(wrong, 'newPassword'), { type: 'password' });
  const done = await submit(app, '/signin', { ...ANN, newPassword: 'another horse, a battery', next: '/welcome' });
  t.equal(done.statusCode, 303);
  t.equal(done.headers.location, '/welcome');
  t.equal(await welcome(app, cookieOf(done)), 200);
});

t.test('an outage during a sign-in with a new password says that the password may have changed', async (t) => {
  const [users, sessions, passwords] = [new MemoryUserStore(), new MemorySessionStore(), new RememberingHasher()];
  users.create(newUser(ANN.username, await passwords.hash(ANN.password)));
  let calls = 0;
  // The first call comes before the change of the password, the second one after it.
  const removeByUser = () => {
    if (++calls === 2) {
      throw new Error('down');
    }
    return 0;
  };
  const app = await build(t, { userStore: users, sessionStore: stubStore(sessions, { removeByUser }), passwords });
  const next = { ...ANN, newPassword: 'another horse, a battery' };
  const failed = await submit(app, '/signin', next);
  t.equal(failed.statusCode, 503);
  t.same(setCookies(failed), []);
  t.match(textOf(failed, 'error'), /If your current password is refused from now on, the new one is valid\./);
  const done = await submit(app, '/signin', { ...ANN, password: next.newPassword });
  t.equal(done.statusCode, 303, 'it has changed');
});
