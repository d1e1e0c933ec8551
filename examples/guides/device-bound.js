import Fastify from 'fastify';
import { crossOriginGuard, requireBoundSession, requireSession } from 'session-cookie-login';
import { login, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify({ trustProxy: 'loopback' });
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(crossOriginGuard, { publicOrigin: 'https://app.example.com' });
await app.register(login, {
  stores: { users },
  passwords,
  session: {
    cookie: { secure: true },
    // The path as the browser sees it, also behind a proxy.
    deviceBound: { refreshPath: '/session/refresh' },
  },
});

app.post('/signin', async (request, reply) => {
  const { username } = await reply.signIn(request.body);
  return { username };
});

// The browser itself sends these requests, without a body. It gets its instructions in place of this reply. A page can send
// such a request as well, for a session that is not bound.
app.post('/session/refresh', async (_request, reply) => {
  const { expiresAt } = await reply.refreshSession();
  return { expiresAt };
});

app.post('/signout', async (_request, reply) => {
  await reply.signOut();
  return { signedOut: true };
});

app.get('/me', { onRequest: requireSession }, async ({ session }) => ({
  name: session.username,
  bound: session.bound,
}));

app.post('/payments', { onRequest: requireBoundSession }, async ({ session }) => `a payment of ${session.username}`);

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
