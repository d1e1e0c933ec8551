import Fastify from 'fastify';
import { crossOriginGuard, MemorySessionStore, requireRecentSignIn, requireSession } from 'session-cookie-login';
import { login, loginRoutes, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify();
const passwords = new PasswordHasher();
const passwordHash = await passwords.hash('a horse, a battery, a staple');
const customers = new MemoryUserStore();
const staff = new MemoryUserStore();
customers.create(newUser('ann', passwordHash));
staff.create(newUser('root', passwordHash));

// One store for all sessions. The app must close it.
const sessions = new MemorySessionStore();
app.addHook('onClose', () => sessions.close());

await app.register(crossOriginGuard);

app.register(
  async (shop) => {
    await shop.register(login, {
      stores: { sessions, users: customers },
      passwords,
      session: { idleSeconds: 1800, cookie: { name: 'shop_session' } },
      deviceCookie: { name: 'shop_device' },
    });
    await shop.register(loginRoutes);
    shop.get('/orders', { onRequest: requireSession }, async ({ session }) => `the orders of ${session.username}`);
  },
  { prefix: '/shop' },
);

app.register(
  async (admin) => {
    await admin.register(login, {
      stores: { sessions, users: staff },
      passwords,
      session: { idleSeconds: 300, freshSeconds: 600, cookie: { name: 'admin_session' } },
      deviceCookie: { name: 'admin_device' },
    });
    await admin.register(loginRoutes);
    admin.get('/report', { onRequest: requireRecentSignIn }, async ({ session }) => `a report for ${session.username}`);
  },
  { prefix: '/admin' },
);

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
