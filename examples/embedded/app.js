import Fastify from 'fastify';
import { crossOriginGuard, sessions } from 'session-cookie-login';
import { login, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify();

// The users. A store of your own needs two methods for this plugin: find and replace.
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(crossOriginGuard);
await app.register(sessions, { idleSeconds: 900, cookie: { name: 'notes_session' } });
await app.register(login, { store: users, passwords });

// The plugins check no types. The limit on the password's length bounds the cost of hashing it.
const credentials = {
  type: 'object',
  required: ['username', 'password'],
  properties: { username: { type: 'string' }, password: { type: 'string', maxLength: 1024 } },
};

app.post('/signin', { schema: { body: credentials } }, async (request, reply) => {
  const { username, expiresAt } = await reply.signIn(request.body);
  return { username, expiresAt };
});

app.post('/signout', async (_request, reply) => {
  await reply.signOut();
  return { signedOut: true };
});

// Every route in this context requires a session.
app.register(async (members) => {
  members.addHook('preHandler', members.requireSession);

  members.get('/notes', async (request) => ({ notes: `the notes of ${request.session.username}` }));
});

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
