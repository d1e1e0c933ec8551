import { randomUUID } from 'node:crypto';
import cookieParser from 'cookie-parser';
import express from 'express';
import { addExpressRoutes } from './routes.js';

const LIFETIME_MS = 86_400_000;

/**
 * What tutorials on session cookies show: Express, cookie-parser and a map of sessions.
 * @type {Make}
 */
export default async function tutorial() {
  /** @type {Map<string, { username: string, expiresAt: number }>} */
  const sessions = new Map();
  const app = express();
  app.use(express.json());
  app.use(cookieParser());
  addExpressRoutes(app, express.json(), {
    find(req) {
      const session = sessions.get(req.cookies.session_token);
      return session !== undefined && session.expiresAt > Date.now() ? session.username : undefined;
    },
    start(_req, res, username) {
      const token = randomUUID();
      const expiresAt = Date.now() + LIFETIME_MS;
      sessions.set(token, { username, expiresAt });
      res.cookie('session_token', token, { expires: new Date(expiresAt), httpOnly: true, sameSite: 'lax' });
    },
  });
  return { app };
}
