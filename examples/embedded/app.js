import Fastify from 'fastify';
import { crossOriginGuard, requireSession } from 'session-cookie-login';
import { login, loginRoutes, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify({ logger: true });

// The users. A store of your own needs two methods for this plugin: find and replace.
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(crossOriginGuard);
await app.register(login, {
  stores: { users },
  session: { idleSeconds: 900, cookie: { name: 'notes_session' } },
  passwords,
});

// POST /auth/signin, /auth/refresh, /auth/logout and /auth/password, GET /auth/session and /auth/sessions, and so on.
await app.register(loginRoutes, { prefix: '/auth' });

// Every route in this context requires a session.
app.register(async (members) => {
  members.addHook('onRequest', requireSession);

  members.get('/notes', async (request) => ({ notes: `the notes of ${request.session.username}` }));
});

await app.listen({ port: Number(process.env.PORT ?? 3000) });
