import Fastify from 'fastify';
import { crossOriginGuard, requireSession } from 'session-cookie-login';
import { login, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';
import { DirectorySessionStore } from './directory-store.js';

const app = Fastify();

const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

// The plugin closes only the store that it creates itself. This app closes its own.
const store = new DirectorySessionStore(process.env.SESSIONS_DIRECTORY ?? 'sessions');
app.addHook('onClose', async () => store.close());

await app.register(crossOriginGuard);
await app.register(login, { stores: { sessions: store, users }, passwords });

const credentials = {
  type: 'object',
  required: ['username', 'password'],
  properties: { username: { type: 'string' }, password: { type: 'string', maxLength: 1024 } },
};

app.post('/signin', { schema: { body: credentials } }, async (request, reply) => {
  const { username, expiresAt } = await reply.signIn(request.body);
  return { username, expiresAt };
});

app.get('/whoami', { onRequest: requireSession }, async (request) => request.session.username);

app.post('/signout', async (_request, reply) => {
  await reply.signOut();
  return { signedOut: true };
});

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
