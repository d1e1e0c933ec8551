import t from 'tap';
import { PasswordHasher } from '../src/users/passwords.ts';
import { build, signIn, USER1, welcome } from './helper.ts';

// Password hashing is bounded: while it is saturated, signed-in users are answered, and who comes too many is told so.

t.test('while every hash is taken and more wait, /welcome answers before any of them', async (t) => {
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
  const signIns = Array.from({ length: 50 }, () =>
    app.inject({ method: 'POST', url: '/signin', payload: USER1 }),
  );
  const answered = Promise.race(signIns.map(async (signIn) => (await signIn).statusCode));
  t.equal(await Promise.race([answered, welcome(app, cookie).then(() => 'welcome')]), 'welcome');
  release();
  const statuses = await Promise.all(signIns.map(async (signIn) => (await signIn).statusCode));
  t.same(new Set(statuses), new Set([200]));
});

t.test('past the bound a sign-in is 503 with Retry-After, the others get their answer', async (t) => {
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
