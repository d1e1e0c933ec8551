import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NotSignedIn, StoreUnavailable } from '../errors.ts';
import { anyPost, refusals } from './replies.ts';
import { sessionReply, viewSession } from './session-view.ts';

const schema = {
  operationId: 'refresh',
  tags: ['session'],
  summary: 'Swap the token for a fresh one',
  description:
    'Extends the session. The old token is dead at once; of concurrent refreshes with it, one succeeds.',
  security: [{ sessionCookie: [] }],
  response: {
    200: sessionReply('Refreshed.'),
    ...refusals(...anyPost, NotSignedIn, StoreUnavailable),
  },
};

export const refresh: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/refresh', { schema }, async (_request, reply) =>
    viewSession(await reply.refreshSession(), { current: true }),
  );
};
