import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { NotSignedIn, StoreUnavailable } from '../errors.ts';
import { refusals } from './replies.ts';
import { SessionView, viewSession } from './session-view.ts';

const schema = {
  operationId: 'getSession',
  tags: ['session'],
  summary: 'Show this session',
  description: 'Does not extend it.',
  security: [{ sessionCookie: [] }],
  response: {
    200: Type.Object(SessionView.properties, { description: 'Signed in.', examples: SessionView.examples }),
    ...refusals(NotSignedIn, StoreUnavailable),
  },
};

export const session: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/session', { schema, preHandler: app.requireSession }, async (request) =>
    viewSession(request.session, { current: true }),
  );
};
