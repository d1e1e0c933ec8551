import t from 'tap';
import { build, signIn, spyStore } from '../helpers/service.ts';

// Rule 4 of the design: a request without a well-formed token never reaches the store.

t.test('a malformed cookie is 401, and the store is not called', async (t) => {
  const { store, calls } = spyStore(t);
  const app = await build(t, { sessionStore: store });
  const good = await signIn(app);
  const token = good.slice('session_token='.length);
  calls.length = 0;
  const cookies = [
    '',
    'theme=dark; lang=en',
    'session_token',
    'session_token=',
    'session_token=garbage',
    `session_token="${token}"`,
    `session_token=${encodeURIComponent(`"${token}"`)}`,
    `session_token=${token.replace('.', '%2E')}`,
    `session_token=${token}x`,
    `session_token=${token.slice(1)}`,
    `session_token=${token},${token}`,
    `session_token=${'A'.repeat(10_000)}`,
    `session_token=${token}x; session_token=planted`,
    `Session_Token=${token}`,
    `__Host-session_token=${token}`,
    `session_token=\u00e9${token.slice(1)}`,
    `session_token=${token.split('.')[0]}.`,
    'session_token=__proto__.constructor',
  ];
  for (const cookie of cookies) {
    const requests = [
      { method: 'GET', url: '/welcome' },
      { method: 'POST', url: '/refresh' },
    ] as const;
    for (const request of requests) {
      const response = await app.inject({ ...request, headers: { cookie } });
      const code = cookie.includes('; session_token') ? 'SEVERAL_SESSION_COOKIES' : 'NOT_SIGNED_IN';
      t.match(response.json(), { statusCode: 401, code }, cookie.slice(0, 60));
    }
  }
  t.same(calls, []);
});

t.test('sign-out and sign-in with a malformed token do not look it up either', async (t) => {
  const { store, calls } = spyStore(t);
  const app = await build(t, { sessionStore: store });
  const headers = { cookie: 'session_token=garbage' };
  t.equal((await app.inject({ url: '/logout', headers })).statusCode, 200);
  t.same(calls, []);
  await signIn(app, undefined, headers);
  t.same(calls, ['create', 'listByUser'], 'only for the new session');
});
