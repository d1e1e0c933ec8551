import { randomUUID } from 'node:crypto';
import cookieParser from 'cookie-parser';
import express from 'express';
import { contestant } from './contestant.js';
import { passwordCheck } from './passwords.js';

const LIFE_MS = 86_400_000;

// What tutorials on session cookies arrive at: Express, cookie-parser, and sessions in an object of the process.
contestant(async ({ hash }) => {
  const check = await passwordCheck(hash);
  /** @type {Map<string, { username: string, expiresAt: number }>} */
  const sessions = new Map();
  const app = express();
  app.use(express.json());
  app.use(cookieParser());

  app.post('/signin', async (req, res) => {
    const { username, password } = req.body;
    if (!(await check(username, password))) {
      res.status(401).end();
      return;
    }
    start(res, username);
  });

  app.get('/welcome', (req, res) => {
    const session = live(req);
    if (session === undefined) {
      res.status(401).end();
      return;
    }
    res.type('text/plain').send(`Welcome ${session.username}!`);
  });

  app.post('/refresh', (req, res) => {
    const session = live(req);
    if (session === undefined) {
      res.status(401).end();
      return;
    }
    sessions.delete(req.cookies.session_token);
    start(res, session.username);
  });

  function live(/** @type {import('express').Request} */ req) {
    const session = sessions.get(req.cookies.session_token);
    return session !== undefined && session.expiresAt > Date.now() ? session : undefined;
  }

  function start(/** @type {import('express').Response} */ res, /** @type {string} */ username) {
    const token = randomUUID();
    const expiresAt = Date.now() + LIFE_MS;
    sessions.set(token, { username, expiresAt });
    res.cookie('session_token', token, { expires: new Date(expiresAt), httpOnly: true, sameSite: 'lax' });
    res.send('ok');
  }

  return { app };
});
