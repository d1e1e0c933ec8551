import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { StoreUnavailable } from '../errors.ts';
import { ignoreBodies } from '../plugins/content-type-parsers.ts';
import { commonPostErrors, errorResponses, notSignedIn, sessionResponse, viewSession } from './schemas.ts';

const schema = {
  operationId: 'refresh',
  tags: ['session'],
  summary: 'Replace the token',
  description:
    'Renews the session. The old token is refused then. Of concurrent requests with one token, one succeeds.',
  security: [{ sessionCookie: [] }],
  response: {
    200: sessionResponse('Refreshed.'),
    ...errorResponses(...commonPostErrors, ...notSignedIn, StoreUnavailable),
  },
};

export const refresh: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  app.post('/refresh', { schema }, async (_request, reply) =>
    viewSession(await reply.refreshSession(), { current: true }),
  );
};
