import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { fromNodeHeaders } from 'better-auth/node';
import Fastify from 'fastify';
import { contestant } from './contestant.js';

const EASY = {
  hash: async (/** @type {string} */ password) => password,
  verify: async (/** @type {{ hash: string, password: string }} */ { hash, password }) => hash === password,
};

// Behind a Fastify route, as its guide has it. Users are in its adapter in memory, which looks at all of them for one; its
// sessions are where it finds them by their token, in its secondary storage.
contestant(async ({ hash, settings }) => {
  const auth = betterAuth({
    secret: 'a secret for the benchmark, of some length',
    baseURL: 'http://127.0.0.1',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    secondaryStorage: new MapStorage(),
    emailAndPassword: { enabled: true, ...(!hash && { password: EASY }) },
    session: { cookieCache: { enabled: settings.cookieCache, maxAge: 86_400 } },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const app = Fastify();

  app.get('/welcome', async (request, reply) => {
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
    if (session === null) {
      reply.code(401);
      return 'Sign in first.';
    }
    reply.type('text/plain; charset=utf-8');
    return `Welcome ${session.user.name}!`;
  });

  // Whoever signs in for the first time signs up.
  const known = new Set();
  app.post('/signin', async (request, reply) => {
    const { username, password } = /** @type {any} */ (request.body);
    const email = `${username}@example.com`;
    const { signUpEmail, signInEmail } = auth.api;
    const { headers } = known.has(username)
      ? await signInEmail({ body: { email, password }, returnHeaders: true })
      : await signUpEmail({ body: { name: username, email, password }, returnHeaders: true });
    known.add(username);
    reply.header('set-cookie', headers.getSetCookie());
    return 'ok';
  });

  return { app };
});

class MapStorage {
  /** @type {Map<string, string>} */
  #values = new Map();

  /** @param {string} key */
  get(key) {
    return this.#values.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  set(key, value) {
    this.#values.set(key, value);
  }

  /** @param {string} key */
  delete(key) {
    this.#values.delete(key);
  }
}
