import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { DeviceKeyRefused, DeviceProofRequired, StoreUnavailable } from '../errors.ts';
import { ignoreBodies } from '../plugins/content-type-parsers.ts';
import { guardRefresh } from '../plugins/cross-origin-guard.ts';
import { commonPostErrors, errorResponses, notSignedIn, sessionResponse, viewSession } from './schemas.ts';

const schema = {
  operationId: 'refresh',
  tags: ['session'],
  summary: 'Replace the token',
  description:
    'Renews the session. The old token is refused then. Of concurrent requests with one token, one succeeds. ' +
    'A browser with device-bound sessions also registers its key here, and proves that it has it. It gets other JSON: see docs/http-api.md.',
  security: [{ sessionCookie: [] }],
  response: {
    200: sessionResponse('Refreshed.'),
    ...errorResponses(...commonPostErrors, ...notSignedIn, DeviceProofRequired, DeviceKeyRefused, StoreUnavailable),
  },
};

export const refresh: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  // guardRefresh takes the place of the common guard.
  const config = { crossOriginGuard: false };
  app.post('/refresh', { schema, config, onRequest: guardRefresh }, async (_request, reply) =>
    viewSession(await reply.refreshSession(), { current: true }),
  );
};
