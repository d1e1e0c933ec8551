import Fastify from 'fastify';
import { WELCOME } from '../lib/welcome.js';
import { contestant } from './contestant.js';

// The limit: the same text, no cookie, no session.
contestant(async () => {
  const app = Fastify();
  app.get('/welcome', (_request, reply) => {
    reply.type('text/plain; charset=utf-8').send(WELCOME);
  });
  return { app, cookies: [`session_token=${'a'.repeat(22)}.${'b'.repeat(43)}`] };
});
