import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { changedRecord, type SessionRecord } from '../../../src/sessions/session.ts';
import { MemorySessionStore } from '../../../src/stores/memory/session-store.ts';
import { MemoryUserStore } from '../../../src/stores/memory/user-store.ts';
import { PasswordHasher } from '../../../src/users/passwords.ts';
import { newUser } from '../../../src/users/user-store.ts';
import { attributesOf, open, submit, textOf, titleOf } from '../../helpers/pages.ts';
import {
  build,
  cookieOf,
  fakeClock,
  sessionIdOf,
  setCookies,
  signIn,
  stubStore,
  USER1,
  USER2,
  welcome,
} from '../../helpers/service.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

t.test('it shows who is signed in, since when and until when', async (t) => {
  const app = await build(t, { clock: fakeClock() });
  const cookie = await signIn(app);
  const response = await open(app, '/account', { cookie });
  t.equal(response.statusCode, 200);
  t.equal(titleOf(response), 'Your account');
  t.match(response.body, /Signed in as <strong><bdi>user1<\/bdi><\/strong>/);
  const times = [...response.body.matchAll(/<time datetime="([^"]*)">([^<]*)<\/time>/g)].map(([, iso, text]) => [
    iso,
    text,
  ]);
  t.same(times.slice(0, 3), [
    ['2030-01-01T12:00:00.000Z', 'Jan 1, 2030, 12:00 PM UTC'],
    ['2030-01-01T12:02:00.000Z', 'Jan 1, 2030, 12:02 PM UTC'],
    ['2030-01-02T00:00:00.000Z', 'Jan 2, 2030, 12:00 AM UTC'],
  ]);
  t.notMatch(response.body, cookie.slice(cookie.indexOf('.') + 1), 'no token is on the page');
  t.same(setCookies(response), []);
});

t.test('the button to sign out is at the top of the page (ASVS 7.4.4)', async (t) => {
  const app = await build(t);
  const { body } = await open(app, '/account', { cookie: await signIn(app) });
  t.match(
    body,
    /<h1>Your account<\/h1>\s*<form method="post" action="\/logout"><button class="secondary">Sign out<\/button><\/form>/,
  );
});

t.test('it lists the sessions, newest first, and marks this one', async (t) => {
  const app = await build(t);
  const phone = await signIn(app, undefined, { 'user-agent': 'curl/8"><b>' });
  const cookie = await signIn(app, undefined, { 'user-agent': FIREFOX });
  await signIn(app, USER2);
  const response = await open(app, '/account', { cookie });
  const items = [...response.body.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, item = '']) => item);
  t.equal(items.length, 2);
  t.match(items[0], /Firefox on Linux <span class="badge">This session<\/span>/);
  t.match(items[0], /<form method="post" action="\/logout">/);
  t.match(items[0], /<bdi>127\.0\.0\.1<\/bdi>/);
  t.match(items[1], /<p class="device">curl<\/p>/);
  t.match(items[1], `action="/account/sessions/${sessionIdOf(phone)}/end"`);
  t.match(items[1], /Sign out<span class="hidden"> curl<\/span>/);
  t.match(response.body, /action="\/account\/sessions\/end-others"/);
  await submit(app, '/account/sessions/end-others', {}, { cookie });
  const alone = await open(app, '/account', { cookie });
  t.notMatch(alone.body, /end-others/);
  t.match(alone.body, /You are not signed in anywhere else/);
});

/** Binds the session of a cookie, as a browser does with a proof. */
async function bind(store: MemorySessionStore, cookie: string): Promise<void> {
  const record = store.find(sessionIdOf(cookie)) as SessionRecord;
  const tokenExpiresAt = record.session.expiresAt;
  const binding = {
    key: { x: 'x', y: 'y' },
    challengeKey: 'key',
    tokenExpiresAt,
  };
  store.replace(changedRecord(record, { session: { ...record.session, bound: true }, binding }), record.version);
}

t.test('it tells which sessions are bound to their devices', async (t) => {
  const sessionStore = new MemorySessionStore();
  t.teardown(() => sessionStore.close());
  const PUBLIC_URL = 'https://login.example';
  const app = await build(t, { sessionStore, env: { PUBLIC_URL } });
  const signInSecurely = async () => cookieOf(await submit(app, '/signin', USER1), '__Host-session_token');
  const other = await signInSecurely();
  const cookie = await signInSecurely();
  const page = async (app: FastifyInstance, cookie: string) => {
    const { body } = await open(app, '/account', { cookie });
    return [...body.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, item = '']) =>
      item.includes('Bound to its device') ? 'bound' : item.includes('Not bound to its device') && 'not bound',
    );
  };
  t.same(await page(app, cookie), ['not bound', 'not bound']);
  await bind(sessionStore, cookie);
  t.same(await page(app, cookie), ['bound', 'not bound']);
  const form = /<form class="not-live"([^>]*)>/;
  const formOf = async (cookie: string) => form.exec((await open(app, '/account', { cookie })).body)?.[1];
  t.equal(await formOf(cookie), ' action="/account"', 'the browser refreshes the session while it opens the page');
  t.equal(await formOf(other), ' method="post" action="/refresh"');
  const off = await build(t, { sessionStore, env: { PUBLIC_URL, DEVICE_BOUND_SESSIONS: 'off' } });
  t.same(await page(off, cookie), ['bound', false], 'nothing is said about the others');
});

t.test('a form of an older page does not extend a session that was bound meanwhile', async (t) => {
  const sessionStore = new MemorySessionStore();
  t.teardown(() => sessionStore.close());
  const app = await build(t, { sessionStore, env: { PUBLIC_URL: 'https://login.example' } });
  const cookie = cookieOf(await submit(app, '/signin', USER1), '__Host-session_token');
  await bind(sessionStore, cookie);
  const response = await submit(app, '/refresh', {}, { cookie });
  t.equal(response.statusCode, 403);
  t.equal(titleOf(response), 'Error: Your browser extends this session');
  t.match(response.body, /<a class="button" href="\/account">/);
  t.same(setCookies(response), []);
});

t.test('a session is signed out with its button, and the page says so', async (t) => {
  const app = await build(t);
  const other = await signIn(app);
  const cookie = await signIn(app);
  const url = `/account/sessions/${sessionIdOf(other)}/end`;
  const response = await submit(app, url, {}, { cookie });
  t.equal(response.statusCode, 303);
  t.equal(response.headers.location, '/account?done=session');
  t.equal(await welcome(app, other), 401);
  t.equal(await welcome(app, cookie), 200);
  t.equal(textOf(await open(app, '/account?done=session', { cookie }), 'notice'), 'The session is signed out.');
  const again = await submit(app, url, {}, { cookie });
  t.equal(again.headers.location, '/account?done=gone', 'another tab may have done it');
  t.equal(textOf(await open(app, '/account?done=gone', { cookie }), 'notice'), 'That session had already ended.');
});

t.test('the session of another user cannot be signed out, and does not show', async (t) => {
  const app = await build(t);
  const other = await signIn(app, USER2);
  const cookie = await signIn(app);
  const response = await submit(app, `/account/sessions/${sessionIdOf(other)}/end`, {}, { cookie });
  t.equal(response.headers.location, '/account?done=gone');
  t.equal(await welcome(app, other), 200);
});

t.test('all other sessions are signed out with one button', async (t) => {
  const app = await build(t);
  const others = [await signIn(app), await signIn(app)];
  const cookie = await signIn(app);
  const response = await submit(app, '/account/sessions/end-others', {}, { cookie });
  t.equal(response.headers.location, '/account?done=others');
  t.same(await Promise.all(others.map((other) => welcome(app, other))), [401, 401]);
  t.equal(await welcome(app, cookie), 200);
  t.match(textOf(await open(app, '/account?done=others', { cookie }), 'notice'), /All other sessions are signed out/);
});

t.test('the message of an action is one of a fixed list', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  for (const query of ['done=x', 'done=toString', 'done=session&done=others', 'done', 'done=<b>', '']) {
    t.equal(textOf(await open(app, `/account?${query}`, { cookie }), 'notice'), undefined, query);
  }
});

t.test('ending sessions asks for the password after a while, and the user comes back', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock, env: { FRESH_SECONDS: '60' } });
  const other = await signIn(app);
  const cookie = await signIn(app);
  clock.advance(61_000);
  for (const url of [`/account/sessions/${sessionIdOf(other)}/end`, '/account/sessions/end-others']) {
    const response = await submit(app, url, {}, { cookie });
    t.equal(response.statusCode, 303);
    t.equal(response.headers.location, '/signin?next=%2Faccount');
    t.same(setCookies(response), []);
  }
  t.equal(await welcome(app, other), 200);
  const form = await open(app, '/signin?next=%2Faccount', { cookie });
  t.equal(titleOf(form), 'Confirm your password');
  const next = attributesOf(form, 'next').value as string;
  const confirmed = await submit(app, '/signin', { username: 'user1', password: 'password1', next }, { cookie });
  t.equal(confirmed.headers.location, '/account');
  const ended = await submit(app, '/account/sessions/end-others', {}, { cookie: cookieOf(confirmed) });
  t.equal(ended.headers.location, '/account?done=others');
});

t.test('a session is extended with a button, for browsers without scripts', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const cookie = await signIn(app);
  clock.advance(100_000);
  const response = await submit(app, '/refresh', {}, { cookie });
  t.equal(response.statusCode, 303);
  t.equal(response.headers.location, '/account?done=extended');
  clock.advance(100_000);
  t.equal(await welcome(app, cookieOf(response)), 200);
});

t.test('an action after the session has ended changes nothing, says so and leads to the sign-in page', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const other = await signIn(app);
  const cookie = await signIn(app);
  clock.advance(121_000);
  for (const url of [
    `/account/sessions/${sessionIdOf(other)}/end`,
    '/account/sessions/end-others',
    '/refresh',
    '/password',
  ]) {
    const response = await submit(app, url, { currentPassword: 'x', newPassword: 'y' }, { cookie });
    t.equal(response.statusCode, 401, url);
    t.equal(titleOf(response), 'Error: Your session has ended');
    t.match(response.body, /<a class="button" href="\/signin\?next=%2Faccount">Sign in<\/a>/);
    t.same(setCookies(response), []);
  }
});

t.test('another site can do none of this', async (t) => {
  const app = await build(t);
  const other = await signIn(app);
  const cookie = await signIn(app);
  for (const url of [
    `/account/sessions/${sessionIdOf(other)}/end`,
    '/account/sessions/end-others',
    '/refresh',
    '/password',
  ]) {
    const response = await submit(app, url, {}, { cookie, origin: 'null' });
    t.equal(response.statusCode, 403, url);
  }
  t.equal(await welcome(app, other), 200);
});

t.test('a name, a device and an address with markup are shown as text', async (t) => {
  const users = new MemoryUserStore();
  const name = `<img src=x onerror=alert(1)>"'&`;
  await users.create(newUser(name, await new PasswordHasher().hash('password1')));
  const app = await build(t, { userStore: users, env: { TRUST_PROXY: 'on' } });
  const signedIn = await submit(
    app,
    '/signin',
    { username: name, password: 'password1' },
    { 'user-agent': '<script>alert(1)</script>', 'x-forwarded-for': '<script>alert(1)</script>' },
  );
  const { body } = await open(app, '/account', { cookie: cookieOf(signedIn) });
  t.match(body, '<bdi>&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;</bdi>');
  t.match(body, 'value="&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"');
  t.match(body, '<bdi>unknown</bdi>');
  t.match(body, 'unknown device');
  t.notMatch(body, /<img|<script>/);
  const confirm = await open(app, '/signin', { cookie: cookieOf(signedIn) });
  t.notMatch(confirm.body, /<img/);
});

t.test('if the store fails to end a session, the page has the status 503', async (t) => {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const app = await build(t, { sessionStore: stubStore(inner, { remove: () => Promise.reject(new Error('down')) }) });
  const other = await signIn(app);
  const cookie = await signIn(app);
  const response = await submit(app, `/account/sessions/${sessionIdOf(other)}/end`, {}, { cookie });
  t.equal(response.statusCode, 503);
  t.equal(titleOf(response), 'Error: The service does not answer');
  t.match(response.body, /You are still signed in\. Other sessions may have ended/);
  t.equal(response.headers['retry-after'], '1');
  t.same(setCookies(response), []);
  t.equal((await open(app, '/account', { cookie })).statusCode, 200);
});
