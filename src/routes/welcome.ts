import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { StoreUnavailable } from '../errors.ts';
import { requireSession } from '../plugins/session-guards.ts';
import { addComponents } from './components.ts';
import { errorResponses, notSignedIn } from './schemas.ts';

const schema = {
  operationId: 'welcome',
  tags: ['session'],
  summary: 'Greet the signed-in user',
  description: 'Renews the session only if `SESSION_RENEWAL` is `activity`.',
  security: [{ sessionCookie: [] }],
  response: {
    200: {
      description: 'Signed in.',
      content: { 'text/plain': { schema: Type.String({ maxLength: 300, examples: ['Welcome user1!'] }) } },
    },
    ...errorResponses(...notSignedIn, StoreUnavailable),
  },
};

export const welcome: FastifyPluginAsyncTypebox = async (app) => {
  addComponents(app);
  app.get('/welcome', { schema, onRequest: requireSession }, (request, reply) => {
    reply.send(`Welcome ${request.session.username}!`);
  });
};
