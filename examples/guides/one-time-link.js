import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import { crossOriginGuard, requireSession, sessions } from 'session-cookie-login';

const app = Fastify();
await app.register(crossOriginGuard);
await app.register(sessions, { idleSeconds: 1800, renewal: 'activity' });

// The forms have no fields.
const FORM = 'application/x-www-form-urlencoded';
app.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, _body, done) => done(null));

const escapeHtml = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const sendPage = (reply, body) => reply.type('text/html').send(`<!doctype html><title>Notes</title>${body}`);

const links = new Map();

/** Returns the path of a link that works once, for ten minutes. */
function createLink(user) {
  const token = randomBytes(32).toString('base64url');
  links.set(token, { user, expiresAt: Date.now() + 600_000 });
  return `/link/${token}`;
}

// Programs that scan mail for malware open the links in it. So the GET request uses nothing up.
app.get('/link/:token', (_request, reply) => sendPage(reply, '<form method="post"><button>Sign in</button></form>'));

app.post('/link/:token', async (request, reply) => {
  const link = links.get(request.params.token);
  links.delete(request.params.token);
  if (link === undefined || link.expiresAt <= Date.now()) {
    return sendPage(reply.code(410), '<p>This link has expired or was used already.');
  }
  await reply.startSession(link.user);
  return reply.redirect('/', 303);
});

app.get('/', { onRequest: requireSession }, async ({ session }, reply) => {
  const signOut = '<form method="post" action="/signout"><button>Sign out</button></form>';
  return sendPage(reply, `<p>Hello ${escapeHtml(session.username)}${signOut}`);
});

app.post('/signout', async (_request, reply) => {
  await reply.signOut();
  return sendPage(reply, '<p>You are signed out.');
});

const url = await app.listen({ port: Number(process.env.PORT ?? 3000) });
// Your app sends the link by mail.
console.log(url + createLink({ userId: '1', username: 'ann' }));
