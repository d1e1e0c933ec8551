import t from 'tap';
import { build, fakeClock, signIn, welcome } from '../helpers/service.ts';

t.test('it greets the user in plain text (ASVS 3.2.2)', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  const response = await app.inject({ url: '/welcome', headers: { cookie } });
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(response.body, 'Welcome user1!');
  t.equal(response.headers['set-cookie'], undefined);
});

t.test('it greets up to the deadline, to the millisecond, and does not move it (ASVS 7.3.1)', async (t) => {
  const clock = fakeClock();
  const app = await build(t, { clock });
  const cookie = await signIn(app);
  clock.advance(60_000);
  t.equal(await welcome(app, cookie), 200);
  clock.advance(59_999);
  t.equal(await welcome(app, cookie), 200);
  clock.advance(1);
  t.equal(await welcome(app, cookie), 401);
});

t.test('other cookies around ours do no harm', async (t) => {
  const app = await build(t);
  const cookie = await signIn(app);
  t.equal(await welcome(app, `a="1;2"; ${cookie}; b=%zz; c`), 200);
  t.equal(await welcome(app, `a=${'x'.repeat(8000)}; ${cookie}`), 200);
});

t.test('HEAD tells the same without the text', async (t) => {
  const app = await build(t);
  const response = await app.inject({
    method: 'HEAD',
    url: '/welcome',
    headers: { cookie: await signIn(app) },
  });
  t.equal(response.statusCode, 200);
  t.equal(response.body, '');
  t.equal((await app.inject({ method: 'HEAD', url: '/welcome' })).statusCode, 401);
});
