import t from 'tap';
import { PasswordHasher } from '../../src/users/passwords.ts';
import { build, signIn, USER1, welcome } from '../helpers/service.ts';

// Password hashing is bounded: while it is saturated, signed-in users get replies, and further sign-ins are rejected.

t.test('while the hash queue is full, /welcome replies before any of the sign-ins', async (t) => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let gated = false;
  const passwords = new (class extends PasswordHasher {
    override async verify(passwordHash: string, password: string) {
      const matches = super.verify(passwordHash, password);
      await (gated && gate);
      return matches;
    }
  })();
  const app = await build(t, { passwords });
  const cookie = await signIn(app);
  gated = true;
  const signIns = Array.from({ length: 50 }, () => app.inject({ method: 'POST', url: '/signin', payload: USER1 }));
  const answered = Promise.race(signIns.map(async (signIn) => (await signIn).statusCode));
  t.equal(await Promise.race([answered, welcome(app, cookie).then(() => 'welcome')]), 'welcome');
  release();
  const statuses = await Promise.all(signIns.map(async (signIn) => (await signIn).statusCode));
  t.same(new Set(statuses), new Set([200]));
});

t.test('a sign-in beyond the bound is 503 with Retry-After, the others get their reply', async (t) => {
  const app = await build(t, { passwords: new PasswordHasher({ concurrency: 2, maxWaiting: 5 }) });
  const responses = await Promise.all(
    Array.from({ length: 40 }, () => app.inject({ method: 'POST', url: '/signin', payload: USER1 })),
  );
  const ok = responses.filter(({ statusCode }) => statusCode === 200);
  const busy = responses.filter(({ statusCode }) => statusCode === 503);
  t.equal(ok.length, 7, 'two that run and five that wait');
  t.equal(busy.length, 33);
  for (const response of busy) {
    t.match(response.json(), { code: 'SIGN_IN_BUSY' });
    t.match(response.headers['retry-after'], /^\d+$/);
  }
});
