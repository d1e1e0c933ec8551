import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DeviceKeyRefused, DeviceProofRequired, StoreUnavailable } from '../errors.ts';
import type { HookDone } from '../http/hooks.ts';
import { ignoreBodies } from '../plugins/content-type-parsers.ts';
import { refuseCrossOrigin } from '../plugins/cross-origin-guard.ts';
import { commonPostErrors, errorResponses, notSignedIn, sessionResponse, viewSession } from './schemas.ts';

const schema = {
  operationId: 'refresh',
  tags: ['session'],
  summary: 'Replace the token',
  description:
    'Renews the session. The old token is refused then. Of concurrent requests with one token, one succeeds. ' +
    'A browser with device-bound sessions also registers its key here, and proves that it has it.',
  security: [{ sessionCookie: [] }],
  response: {
    200: sessionResponse('Refreshed.'),
    ...errorResponses(...commonPostErrors, ...notSignedIn, DeviceProofRequired, DeviceKeyRefused, StoreUnavailable),
  },
};

export const refresh: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  const config = { crossOriginGuard: false };
  app.post('/refresh', { schema, config, onRequest: guardUnlessByBrowser }, async (_request, reply) =>
    viewSession(await reply.refreshSession(), { current: true }),
  );
};

/**
 * The cross-origin guard, for all requests but those of the browser itself: it would end its session after a 403 without a
 * challenge. A page cannot set a header whose name starts with `Sec-` (Fetch, "forbidden request-header").
 */
function guardUnlessByBrowser(request: FastifyRequest, reply: FastifyReply, done: HookDone): void {
  if (request.headers['sec-secure-session-id'] === undefined) {
    refuseCrossOrigin(request, reply, done);
  } else {
    done();
  }
}
