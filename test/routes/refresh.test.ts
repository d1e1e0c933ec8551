import t from 'tap';
import { build, cookieOf, fakeClock, signIn, welcome } from '../helpers/service.ts';

t.test(
  'the new token works, the old one is dead, and cookie and view tell the new deadline (ASVS 7.2.2)',
  async (t) => {
    const clock = fakeClock();
    const app = await build(t, { clock });
    const before = await signIn(app);
    clock.advance(90_000);
    const response = await app.inject({ method: 'POST', url: '/refresh', headers: { cookie: before } });
    t.equal(response.statusCode, 200);
    t.match(response.json(), {
      id: before.slice('session_token='.length).split('.')[0],
      createdAt: '2030-01-01T12:00:00.000Z',
      expiresAt: '2030-01-01T12:03:30.000Z',
      endsAt: '2030-01-02T00:00:00.000Z',
      current: true,
    });
    t.match(response.headers['set-cookie'], 'Max-Age=120; Path=/; Expires=Tue, 01 Jan 2030 12:03:30 GMT;');
    t.equal(await welcome(app, before), 401);
    clock.advance(119_999);
    t.equal(await welcome(app, cookieOf(response)), 200);
    clock.advance(1);
    t.equal(await welcome(app, cookieOf(response)), 401);
  },
);

t.test('however often it is refreshed, a session ends at endsAt (ASVS 7.3.2, NIST 2.1.3)', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock, env: { SESSION_MAX_SECONDS: '200' } });
  const first = await signIn(app);
  clock.advance(100_000);
  const response = await app.inject({ method: 'POST', url: '/refresh', headers: { cookie: first } });
  t.equal(response.json().expiresAt, response.json().endsAt);
  t.match(response.headers['set-cookie'], 'Max-Age=100;');
  clock.advance(100_000);
  t.equal(await welcome(app, cookieOf(response)), 401);
});

t.test('of 50 concurrent refreshes with one token exactly one gets 200', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => app.inject({ method: 'POST', url: '/refresh', headers: { cookie } })),
  );
  const winners = responses.filter(({ statusCode }) => statusCode === 200);
  t.equal(winners.length, 1);
  t.equal(responses.filter(({ statusCode }) => statusCode === 401).length, 49);
  for (const { headers, statusCode } of responses) {
    t.equal(headers['set-cookie'] === undefined, statusCode !== 200, "a loser does not wipe the winner's cookie");
  }
  t.equal(await welcome(app, cookieOf(winners[0] as never)), 200);
});

t.test('without a live session it is 401', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const cookie = await signIn(app);
  clock.advance(120_000);
  for (const headers of [{}, { cookie }]) {
    const response = await app.inject({ method: 'POST', url: '/refresh', headers });
    t.match(response.json(), { statusCode: 401, code: 'NOT_SIGNED_IN' });
  }
});
