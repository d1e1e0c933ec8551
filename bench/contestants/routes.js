import { PASSWORD } from '../lib/client.js';

/**
 * What the routes need. `find` returns the user of the request's session, `take` the same for a refresh, after which the
 * old session may be gone, and `start` starts a session.
 * @typedef {string | null | undefined} Username
 * @typedef {object} Sessions
 * @property {(password: string) => boolean | Promise<boolean>} [check]
 * @property {(request: any) => Username | Promise<Username>} find
 * @property {(request: any) => Username | Promise<Username>} [take]
 * @property {(request: any, reply: any, username: string) => unknown} start
 */

/** For the sessions of the other tables, which are made fast. */
const compare = (/** @type {string} */ password) => password === PASSWORD;

/** A check that costs as much as the service's. Only this contestant loads what it needs. */
export async function hashCheck() {
  const [{ verify }, { PasswordHasher }] = await Promise.all([import('@node-rs/argon2'), import('../dist.js')]);
  const stored = await new PasswordHasher().hash(PASSWORD);
  return (/** @type {string} */ password) => verify(stored, password);
}

export function addFastifyRoutes(/** @type {FastifyApp} */ app, /** @type {Sessions} */ sessions) {
  const { check = compare, find, take = find, start } = sessions;
  const welcome = (reply, username) => {
    if (username) {
      reply.type('text/plain; charset=utf-8').send(`Welcome ${username}!`);
    } else {
      reply.code(401).send('Sign in first.');
    }
  };
  const respond = async (request, reply, username) => {
    if (!username) {
      reply.code(401);
      return 'Sign in first.';
    }
    await start(request, reply, username);
    return 'ok';
  };
  app.get('/welcome', (request, reply) => {
    const found = find(request);
    // A session that is found at once must not pay for a promise.
    if (found instanceof Promise) {
      found.then(
        (username) => welcome(reply, username),
        (error) => reply.send(error),
      );
    } else {
      welcome(reply, found);
    }
  });
  app.post('/signin', async (request, reply) => {
    const { username, password } = /** @type {any} */ (request.body);
    return respond(request, reply, (await check(password)) && username);
  });
  app.post('/refresh', async (request, reply) => respond(request, reply, await take(request)));
}

/** `parseJson` is Express's middleware. */
export function addExpressRoutes(app, parseJson, /** @type {Sessions} */ { find, start }) {
  app.get('/welcome', (req, res) => {
    const username = find(req);
    if (username) {
      res.type('text/plain').send(`Welcome ${username}!`);
    } else {
      res.status(401).end();
    }
  });
  app.post('/signin', parseJson, async (req, res) => {
    const { username, password } = req.body;
    if (compare(password)) {
      await start(req, res, username);
      res.send('ok');
    } else {
      res.status(401).end();
    }
  });
}
