import t from 'tap';
import { build, fakeClock, signIn } from '../helpers/service.ts';

t.test('it shows the session of the request, and reading it never extends it', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const cookie = await signIn(app);
  for (let i = 0; i < 3; i++) {
    clock.advance(30_000);
    const { statusCode, headers, body } = await app.inject({ url: '/session', headers: { cookie } });
    t.equal(statusCode, 200);
    t.equal(headers['cache-control'], 'no-store');
    t.equal(headers['set-cookie'], undefined);
    t.strictSame(JSON.parse(body), {
      id: cookie.slice('session_token='.length).split('.')[0],
      username: 'user1',
      createdAt: '2030-01-01T12:00:00.000Z',
      authenticatedAt: '2030-01-01T12:00:00.000Z',
      expiresAt: '2030-01-01T12:02:00.000Z',
      endsAt: '2030-01-02T00:00:00.000Z',
      bound: false,
      current: true,
    });
  }
  clock.advance(30_000);
  t.equal((await app.inject({ url: '/session', headers: { cookie } })).statusCode, 401);
});

t.test('nobody sees a session who has none', async (t) => {
  const app = await build(t);
  t.match((await app.inject('/session')).json(), { statusCode: 401, code: 'NOT_SIGNED_IN' });
});
