import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { buildWithEvents, cookieOf, sessionIdOf, signIn, welcome } from '../helpers/service.ts';

// If a replaced token is used again later, two clients have it: the session ends for both, and the log reports it
// (RFC 9700, section 4.14.2). A replaced token that is used again within the window does not end the session, and
// neither does a guess.

const refresh = (app: FastifyInstance, cookie: string) =>
  app.inject({ method: 'POST', url: '/refresh', headers: { cookie } });

/** The service with a stolen token, and the one that replaced it. */
async function withStolenToken(t: Test) {
  const { app, clock, events } = await buildWithEvents(t, { REUSE_WINDOW_SECONDS: '10' });
  const stolen = await signIn(app);
  const next = cookieOf(await refresh(app, stolen));
  return { app, clock, events, stolen, next };
}

const USES: Record<string, (app: FastifyInstance, cookie: string) => Promise<number>> = {
  'GET /welcome': welcome,
  'GET /session': async (app, cookie) => (await app.inject({ url: '/session', headers: { cookie } })).statusCode,
  'POST /refresh': async (app, cookie) => (await refresh(app, cookie)).statusCode,
};

for (const [what, use] of Object.entries(USES)) {
  t.test(`${what} with a token that was replaced more than ten seconds ago ends the session`, async (t) => {
    const { app, clock, events, stolen, next } = await withStolenToken(t);
    clock.advance(10_001);
    t.equal(await welcome(app, next), 200);
    t.equal(await use(app, stolen), 401);
    t.equal(await welcome(app, next), 401, 'for both holders');
    t.equal((await refresh(app, next)).statusCode, 401);
    const sessionId = sessionIdOf(stolen);
    t.match(
      events().filter(({ event }) => event === 'authn_token_reuse' || event === 'session_expired'),
      [
        { event: 'authn_token_reuse', level: 40, sessionId, username: 'user1', address: '127.0.0.1' },
        { event: 'session_expired', sessionId, reason: 'reused token' },
      ],
    );
  });

  t.test(`${what} with a token that was replaced within ten seconds is a 401 and ends nothing`, async (t) => {
    const { app, clock, events, stolen, next } = await withStolenToken(t);
    for (let i = 0; i < 10; i++) {
      clock.advance(1000);
      t.equal(await use(app, stolen), 401);
    }
    t.equal(await welcome(app, next), 200);
    t.notMatch(JSON.stringify(events()), 'authn_token_reuse');
  });
}

t.test('the 401 of a stolen token sets no cookie and looks like any other', async (t) => {
  const { app, clock, stolen } = await withStolenToken(t);
  clock.advance(10_001);
  const refused = await refresh(app, stolen);
  t.equal(refused.headers['set-cookie'], undefined);
  t.match(refused.json(), { statusCode: 401, code: 'NOT_SIGNED_IN', message: 'Sign in first.' });
});

t.test('the id of a session, or a wrong secret for it, never ends it', async (t) => {
  const { app, clock, stolen, next } = await withStolenToken(t);
  clock.advance(60_000);
  const id = stolen.split('.')[0];
  for (const secret of ['', 'A'.repeat(43), stolen.split('.')[1]?.toLowerCase(), 'x'.repeat(43)]) {
    for (const use of Object.values(USES)) {
      t.equal(await use(app, `${id}.${secret}`), 401);
    }
  }
  t.equal(await welcome(app, next), 200);
});

t.test('the reuse is detected whether the thief or the owner refreshed first', async (t) => {
  for (const rounds of [1, 2, 5]) {
    const { app, clock, stolen, next } = await withStolenToken(t);
    let current = next;
    for (let i = 1; i < rounds; i++) {
      current = cookieOf(await refresh(app, current));
    }
    clock.advance(10_001);
    t.equal(await welcome(app, stolen), 401);
    t.equal(await welcome(app, current), 401, `after ${rounds} refreshes`);
  }
});
