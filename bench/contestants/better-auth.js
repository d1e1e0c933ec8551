import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { fromNodeHeaders } from 'better-auth/node';
import Fastify from 'fastify';
import { addFastifyRoutes } from './routes.js';

const NO_HASH = {
  hash: async (password) => password,
  verify: async ({ hash, password }) => hash === password,
};

/**
 * Behind Fastify routes, as in its guide. Its memory adapter scans all records, so only users are there: sessions are in
 * its secondary storage, a map with the token as the key.
 * @type {Make}
 */
export default async function better() {
  const { api } = betterAuth({
    secret: 'a secret for the benchmark, of some length',
    baseURL: 'http://127.0.0.1',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    secondaryStorage: mapStorage(),
    emailAndPassword: { enabled: true, password: NO_HASH },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const known = new Set();
  const app = Fastify();
  addFastifyRoutes(app, {
    async find(request) {
      const session = await api.getSession({ headers: fromNodeHeaders(request.headers) });
      return session?.user.name;
    },
    async start(request, reply, username) {
      const { password } = request.body;
      const email = `${username}@example.com`;
      // The first sign-in of a user creates the account.
      const { headers } = known.has(username)
        ? await api.signInEmail({ body: { email, password }, returnHeaders: true })
        : await api.signUpEmail({ body: { name: username, email, password }, returnHeaders: true });
      known.add(username);
      reply.header('set-cookie', headers.getSetCookie());
    },
  });
  return { app };
}

function mapStorage() {
  /** @type {Map<string, string>} */
  const values = new Map();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
  };
}
