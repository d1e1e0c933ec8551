import { readFileSync } from 'node:fs';
import cors from '@fastify/cors';
import Fastify from 'fastify';
import { crossOriginGuard, requireSession } from 'session-cookie-login';
import { login, loginRoutes, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify();
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

// For pages on a sibling origin. If all pages come from this app, leave out cors and trustedOrigins.
const trustedOrigins = ['https://app.example.com'];
await app.register(cors, {
  origin: (origin, done) => done(null, trustedOrigins.find((trusted) => trusted === origin) ?? false),
  credentials: true,
  methods: ['GET', 'HEAD', 'POST', 'DELETE'],
  exposedHeaders: ['Retry-After'],
});
await app.register(crossOriginGuard, { trustedOrigins });

await app.register(login, { stores: { users }, passwords, session: { idleSeconds: 900 } });
await app.register(loginRoutes, { prefix: '/auth' });

app.register(async (api) => {
  api.addHook('onRequest', requireSession);
  api.get('/api/notes', async (request) => ({ notes: `the notes of ${request.session.username}` }));
});

const page = readFileSync(new URL('single-page.html', import.meta.url));
app.get('/', (_request, reply) => reply.type('text/html').send(page));

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
