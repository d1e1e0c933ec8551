import Fastify from 'fastify';
import { crossOriginGuard, optionalSession, requireSession } from 'session-cookie-login';
import { InvalidCredentials, login, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify();
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(crossOriginGuard);
await app.register(login, { stores: { users }, passwords, session: { idleSeconds: 1800, renewal: 'activity' } });

app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
  done(null, Object.fromEntries(new URLSearchParams(body)));
});

// A guard has rejected the request: the browser goes to the form.
app.setErrorHandler((error, _request, reply) => {
  if (error.statusCode === 401) {
    return reply.redirect('/signin', 303);
  }
  throw error; // to the error handler of Fastify
});

const escapeHtml = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const sendPage = (reply, body) => reply.type('text/html').send(`<!doctype html><title>Shop</title>${body}`);
const button = (action, text) => `<form method="post" action="${action}"><button>${text}</button></form>`;

app.get('/', { onRequest: optionalSession }, async (request, reply) => {
  const { sessionOrNull: session } = request;
  if (session === null) {
    return sendPage(reply, '<p>Hello guest. <a href="/signin">Sign in</a>');
  }
  const { teas = 0, message = '' } = session.data;
  if (message !== '') {
    await request.updateSession(({ message: _shown, ...data }) => data);
  }
  const text = `<p>${escapeHtml(message)}<p>Hello ${escapeHtml(session.username)}. Teas in your cart: ${teas}`;
  return sendPage(reply, text + button('/cart', 'Add a tea') + button('/signout', 'Sign out'));
});

app.post('/cart', { onRequest: requireSession }, async (request, reply) => {
  await request.updateSession((data) => ({ ...data, teas: (data.teas ?? 0) + 1, message: 'Added a tea.' }));
  return reply.redirect('/', 303);
});

const signInForm = (problem) => `<p role="alert">${problem}<form method="post" action="/signin">
  <label>Name <input name="username" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Sign in</button></form>`;

app.get('/signin', (_request, reply) => sendPage(reply, signInForm('')));

app.post('/signin', async (request, reply) => {
  try {
    await reply.signIn(request.body);
  } catch (error) {
    if (!(error instanceof InvalidCredentials)) {
      throw error;
    }
    return sendPage(reply.code(401), signInForm(error.message));
  }
  return reply.redirect('/', 303);
});

app.post('/signout', async (_request, reply) => {
  await reply.signOut();
  return reply.redirect('/', 303);
});

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
