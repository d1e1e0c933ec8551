import { promisify } from 'node:util';
import express from 'express';
import session from 'express-session';
import { addExpressRoutes } from './routes.js';

/**
 * With its fastest fair settings: a request without changes does not write the session.
 * @type {Make}
 */
export default async function expressSession() {
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.use(
    session({
      secret: 'a secret for the benchmark, of some length',
      resave: false,
      saveUninitialized: false,
      rolling: false,
      cookie: { maxAge: 86_400_000, sameSite: 'lax' },
      store: memoryStore(),
    }),
  );
  addExpressRoutes(app, express.json(), {
    find: (req) => req.session.username,
    async start(req, _res, username) {
      await promisify(req.session.regenerate).call(req.session);
      req.session.username = username;
    },
  });
  return { app };
}

function memoryStore() {
  const store = new session.MemoryStore();
  // It would write the deadline of the session at every request.
  store.touch = undefined;
  return store;
}
