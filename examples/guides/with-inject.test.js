import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { requireSession } from 'session-cookie-login';
import { login, loginRoutes, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

/** The app under test. In your project it is a module that the server imports as well. */
async function buildApp({ users, clock }) {
  const app = Fastify();
  await app.register(login, { stores: { users }, clock, session: { idleSeconds: 900 } });
  await app.register(loginRoutes, { prefix: '/auth' });
  app.get('/notes', { onRequest: requireSession }, async (request) => ({ owner: request.session.username }));
  return app;
}

const ANN = { username: 'ann', password: 'a horse, a battery, a staple' };
const user = newUser(ANN.username, await new PasswordHasher().hash(ANN.password));

/** Builds the app for one test, with a clock that the test moves. */
async function setUp(t) {
  const users = new MemoryUserStore();
  users.create(user);
  let now = Date.now();
  const app = await buildApp({ users, clock: () => now });
  t.after(() => app.close());
  return { app, advanceSeconds: (seconds) => (now += seconds * 1000) };
}

/** Signs ann in. Returns the cookies for the next requests. */
async function signIn(app) {
  const response = await app.inject({ method: 'POST', url: '/auth/signin', payload: ANN });
  assert.equal(response.statusCode, 200);
  return Object.fromEntries(response.cookies.map(({ name, value }) => [name, value]));
}

test('a stranger sees no notes', async (t) => {
  const { app } = await setUp(t);
  const response = await app.inject('/notes');
  assert.equal(response.statusCode, 401);
  assert.equal(response.json().code, 'NOT_SIGNED_IN');
});

test('a user sees notes until the session expires', async (t) => {
  const { app, advanceSeconds } = await setUp(t);
  const cookies = await signIn(app);
  assert.deepEqual((await app.inject({ url: '/notes', cookies })).json(), { owner: 'ann' });
  advanceSeconds(900);
  assert.equal((await app.inject({ url: '/notes', cookies })).statusCode, 401);
});

test('a sign-out ends the session', async (t) => {
  const { app } = await setUp(t);
  const cookies = await signIn(app);
  assert.equal((await app.inject({ method: 'POST', url: '/auth/logout', cookies })).statusCode, 200);
  assert.equal((await app.inject({ url: '/notes', cookies })).statusCode, 401);
});
