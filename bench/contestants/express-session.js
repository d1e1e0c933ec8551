import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { contestant } from './contestant.js';
import { passwordCheck } from './passwords.js';

// Its fastest fair settings: it writes a session when it has changed and not at every request.
contestant(async ({ redisUrl, hash, settings }) => {
  const check = await passwordCheck(hash);
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
      store: settings.store === 'redis' ? await redisStore(redisUrl) : memoryStore(),
    }),
  );

  app.get('/welcome', (req, res) => {
    const { username } = /** @type {any} */ (req.session);
    if (username === undefined) {
      res.status(401).end();
      return;
    }
    res.type('text/plain').send(`Welcome ${username}!`);
  });

  app.post('/signin', express.json(), async (req, res) => {
    const { username, password } = req.body;
    if (!(await check(username, password))) {
      res.status(401).end();
      return;
    }
    start(req, res, username);
  });

  app.post('/refresh', (req, res) => {
    const { username } = /** @type {any} */ (req.session);
    if (username === undefined) {
      res.status(401).end();
      return;
    }
    start(req, res, username);
  });

  return { app };
});

/**
 * @param {import('express').Request} req
 * @param {import('express').Response} res
 * @param {string} username
 */
function start(req, res, username) {
  req.session.regenerate((error) => {
    /** @type {any} */ (req.session).username = username;
    res.status(error ? 500 : 200).send('ok');
  });
}

function memoryStore() {
  const store = new session.MemoryStore();
  // Else it would write the session's deadline at every request.
  store.touch = undefined;
  return store;
}

/** @param {string} url */
async function redisStore(url) {
  return new RedisStore({
    client: await createClient({ url }).connect(),
    prefix: 'express:',
    disableTouch: true,
  });
}
