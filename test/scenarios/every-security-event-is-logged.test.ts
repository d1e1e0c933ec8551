import { readFileSync } from 'node:fs';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import t, { type Test } from 'tap';
import { type SecurityEvent, securityEvents } from '../../src/http/security-events.ts';
import { MemoryUserStore } from '../../src/stores/memory/user-store.ts';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { newUser } from '../../src/users/user-store.ts';
import { bind, challengeOf, HTTPS, proveAndRefresh } from '../helpers/device.ts';
import {
  build,
  buildWithEvents,
  cookieOf,
  type fakeClock,
  sessionIdOf,
  signIn,
  USER1,
  USER2,
} from '../helpers/service.ts';

// The log has every security event under its name in the OWASP Application Logging Vocabulary, with the user, the
// address and the session, and without secrets. `docs/security.md` has the table of events.

const LEVELS: Record<number, string> = { 30: 'info', 40: 'warn' };

type Entry = Record<string, unknown> & { event: SecurityEvent };

interface Scene {
  readonly app: FastifyInstance;
  readonly clock: ReturnType<typeof fakeClock>;
  readonly post: (url: string, payload: object, headers?: object) => Promise<LightMyRequestResponse>;
}

const wrong = { username: 'user1', password: 'wrong' };

/** Causes each event, and returns what its entry must contain. */
const SCENES: Record<SecurityEvent, (scene: Scene) => Promise<object>> = {
  async authn_login_success({ app }) {
    return { username: 'user1', sessionId: sessionIdOf(await signIn(app)) };
  },
  async authn_login_fail({ post }) {
    await post('/signin', wrong);
    return { username: 'user1', reason: 'wrong password' };
  },
  async authn_login_fail_max({ post }) {
    for (let i = 0; i < 10; i++) {
      await post('/signin', wrong);
    }
    return { username: 'user1', limit: 'user pair' };
  },
  async device_bound_registered({ app }) {
    const { id } = await bind(app);
    return { username: 'user1', sessionId: id };
  },
  async device_bound_refreshed({ app }) {
    const { id, device } = await bind(app);
    await proveAndRefresh(app, { id, device });
    return { username: 'user1', sessionId: id };
  },
  async device_bound_refused({ app, post }) {
    const { id, cookie } = await bind(app);
    await post('/refresh', {}, { cookie });
    return { username: 'user1', sessionId: id, reason: 'no proof' };
  },
  async device_bound_skipped({ app }) {
    await app.inject({ url: '/welcome', headers: { 'secure-session-skipped': 'unreachable' } });
    return { reason: 'unreachable' };
  },
  async excess_rate_limit_exceeded({ post }) {
    for (let i = 0; i < 11; i++) {
      await post('/signin', wrong);
    }
    return { username: 'user1', limit: 'user pair' };
  },
  async authn_password_change({ app, post }) {
    const cookie = await signIn(app);
    await post('/password', { currentPassword: USER1.password, newPassword: 'a horse, a battery' }, { cookie });
    return { username: 'user1', sessionId: sessionIdOf(cookie) };
  },
  async authn_password_change_fail({ app, post }) {
    const cookie = await signIn(app);
    await post('/password', { currentPassword: 'wrong', newPassword: 'a horse, a battery' }, { cookie });
    return { username: 'user1', sessionId: sessionIdOf(cookie) };
  },
  async authn_token_reuse({ app, clock, post }) {
    const cookie = await signIn(app);
    await post('/refresh', {}, { cookie });
    clock.advance(10_001);
    await app.inject({ url: '/welcome', headers: { cookie } });
    return { username: 'user1', sessionId: sessionIdOf(cookie) };
  },
  async authz_fail({ app }) {
    const [mine, theirs] = [await signIn(app), await signIn(app, USER2)];
    await app.inject({
      method: 'DELETE',
      url: `/sessions/${sessionIdOf(theirs)}`,
      headers: { cookie: mine },
    });
    return { username: 'user1', sessionId: sessionIdOf(theirs), reason: "another user's session" };
  },
  async input_validation_fail({ post }) {
    await post('/signin', { username: 1 });
    return { reason: 'Invalid input: body/username must be string' };
  },
  async malicious_csrf({ post }) {
    await post('/signin', USER1, { origin: 'https://other.example' });
    return { origin: 'https://other.example' };
  },
  async session_created({ app }) {
    return { username: 'user1', sessionId: sessionIdOf(await signIn(app)) };
  },
  async session_renewed({ app, post }) {
    const cookie = await signIn(app);
    await post('/refresh', {}, { cookie });
    return { username: 'user1', sessionId: sessionIdOf(cookie) };
  },
  async session_expired({ app }) {
    const cookie = await signIn(app);
    await app.inject({ url: '/logout', headers: { cookie } });
    return { username: 'user1', sessionId: sessionIdOf(cookie), reason: 'signed out' };
  },
  async session_use_after_expire({ app, clock }) {
    const cookie = await signIn(app);
    clock.advance(120_000);
    await app.inject({ url: '/welcome', headers: { cookie } });
    return { username: 'user1', sessionId: sessionIdOf(cookie), reason: 'expired' };
  },
};

async function setUp(t: Test, event?: SecurityEvent) {
  const env = event?.startsWith('device_bound') ? HTTPS : {};
  const { app, clock, log, events } = await buildWithEvents(t, env);
  const post = (url: string, payload: object, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers: { ...headers } });
  return { app, clock, post, entries: events as () => Entry[], log };
}

for (const [event, act] of Object.entries(SCENES) as [SecurityEvent, (typeof SCENES)[SecurityEvent]][]) {
  t.test(
    `${event} is logged at its level, with who and from where (ASVS 16.2.1, ASVS 16.2.2, ASVS 16.3.1, ASVS 16.3.2, ASVS 16.3.3)`,
    async (t) => {
      const scene = await setUp(t, event);
      const details = await act(scene);
      const entry = scene.entries().findLast((entry) => entry.event === event);
      t.match(entry, { event, address: '127.0.0.1', time: Number, reqId: String, ...details });
      t.equal(LEVELS[entry?.level as number], securityEvents[event].level);
    },
  );
}

t.test('every way in which a session ends is logged with its reason', async (t) => {
  const { app, post, entries } = await setUp(t);
  const [first, second, third] = [await signIn(app), await signIn(app), await signIn(app)];
  await signIn(app, USER1, { cookie: first });
  await app.inject({ method: 'DELETE', url: `/sessions/${sessionIdOf(second)}`, headers: { cookie: third } });
  await app.inject({ method: 'DELETE', url: '/sessions', headers: { cookie: third } });
  await signIn(app);
  await post('/password', { currentPassword: USER1.password, newPassword: 'a horse, a battery' }, { cookie: third });
  t.match(
    entries().filter(({ event }) => event === 'session_expired'),
    [
      { sessionId: sessionIdOf(first), reason: 'signed in again' },
      { sessionId: sessionIdOf(second), reason: 'revoked' },
      { username: 'user1', count: 1, reason: 'revoked' },
      { username: 'user1', count: 1, reason: 'password changed' },
    ],
  );
});

t.test('an unknown name is not logged, because it may be a password in the wrong field', async (t) => {
  const { post, log } = await setUp(t);
  for (let i = 0; i < 12; i++) {
    await post('/signin', { username: 'hunter2', password: 'wrong' });
  }
  t.match(log.join(''), 'excess_rate_limit_exceeded');
  t.notMatch(log.join(''), 'hunter2');
});

t.test('no token and no password is in any entry (ASVS 16.2.5)', async (t) => {
  const secrets = ['password1', 'password2', 'wrong"', 'a horse, a battery'];
  const lines: string[] = [];
  for (const [event, act] of Object.entries(SCENES) as [SecurityEvent, (typeof SCENES)[SecurityEvent]][]) {
    const scene = await setUp(t, event);
    const signedIn = await scene.post('/signin', USER1);
    for (const name of ['session_token', 'device_token']) {
      secrets.push(cookieOf(signedIn, name).split('.').at(-1) as string);
    }
    if (event.startsWith('device_bound')) {
      secrets.push(challengeOf(signedIn).split('.').at(-1) as string);
    }
    const cookie = `${cookieOf(signedIn)}; ${cookieOf(signedIn, 'device_token')}`;
    await scene.post('/refresh', {}, { cookie });
    await act(scene);
    lines.push(...scene.log);
  }
  t.ok(lines.length > 60);
  for (const secret of secrets) {
    t.notMatch(lines.join(''), secret);
  }
});

t.test(
  'nothing that a request or a name holds makes a line of its own, or acts on a terminal (ASVS 16.4.1)',
  async (t) => {
    const hostile = 'ann\r\n{"level":30,"event":"authn_login_success"}\u001b[2J\u202e\u0085';
    const log: string[] = [];
    const passwords = new PasswordHasher();
    const userStore = new MemoryUserStore();
    userStore.create(newUser(hostile, await passwords.hash('password1')));
    const app = await build(t, { log, userStore, passwords, env: { LOG_LEVEL: 'info' } });
    await signIn(app, { username: hostile, password: 'password1' }, { 'user-agent': hostile.replace(/\s/g, '') });
    await app.inject({ method: 'POST', url: '/signin', payload: { username: hostile, password: 'wrong' } });
    await app.inject({
      method: 'POST',
      url: '/signin',
      headers: { origin: `https://x.example/\u0085${'y'.repeat(999)}` },
    });
    t.equal(log.length, 4);
    for (const line of log) {
      t.notMatch(line.trimEnd(), /[\p{Cc}\p{Cf}]/u);
      t.ok(line.length < 1000, 'a long value is cut');
      t.equal(Object.keys(JSON.parse(line)).length, new Set(Object.keys(JSON.parse(line))).size);
    }
  },
);

t.test('the table of docs/security.md is the catalogue, with its levels (ASVS 16.1.1)', async (t) => {
  const docs = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = [...docs.matchAll(/^\| `([a-z_]+)` \| (info|warn) \|/gm)].map(([, event, level]) => [event, level]);
  t.same(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(securityEvents).map(([event, { level }]) => [event, level])),
  );
  t.equal(rows.length, Object.keys(securityEvents).length);
});
