import { PASSWORD } from '../lib/client.js';

/**
 * What the routes need. `find` returns the user of the request's session, `take` the same for a refresh, after which the
 * old session may be gone, and `start` starts a session.
 * @typedef {string | null | undefined} Username
 * @typedef {object} Sessions
 * @property {(password: string) => boolean | Promise<boolean>} check
 * @property {(request: any) => Username | Promise<Username>} find
 * @property {(request: any) => Username | Promise<Username>} [take]
 * @property {(request: any, reply: any, username: string) => unknown} start
 */

/** For contestants without a password hash of their own. A check costs as much as the service's, or nothing. */
export async function passwordCheck(/** @type {boolean} */ hashed) {
  if (!hashed) {
    return (password) => password === PASSWORD;
  }
  const { verify } = await import('@node-rs/argon2');
  const stored = await new (await import('../dist.js')).PasswordHasher().hash(PASSWORD);
  return (password) => verify(stored, password);
}

export function addFastifyRoutes(/** @type {FastifyApp} */ app, /** @type {Sessions} */ sessions) {
  const { check, find, take = find, start } = sessions;
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
export function addExpressRoutes(app, parseJson, /** @type {Sessions} */ sessions) {
  const { check, find, take = find, start } = sessions;
  const respond = async (req, res, username) => {
    if (!username) {
      res.status(401).end();
      return;
    }
    await start(req, res, username);
    res.send('ok');
  };
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
    await respond(req, res, (await check(password)) && username);
  });
  app.post('/refresh', async (req, res) => respond(req, res, await take(req)));
}
