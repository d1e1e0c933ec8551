import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CrossOriginRefused, NotANavigation, StoreUnavailable } from '../errors.ts';
import { logEvent } from '../http/security-events.ts';
import { ignoreBodies } from '../plugins/content-type-parsers.ts';
import { refuseCrossOrigin } from '../plugins/cross-origin-guard.ts';
import { commonPostErrors, errorResponses, jsonResponse, notSignedIn, setCookieHeader } from './schemas.ts';

const common = {
  tags: ['session'],
  summary: 'End the session',
  description: 'Clears the cookie. Also answers 200 if the session has ended already.',
  security: [{ sessionCookie: [] }],
};

const SignedOut = jsonResponse(
  'Signed out.',
  Type.Object({ message: Type.String({ maxLength: 64 }) }),
  setCookieHeader('An empty value that has expired: the client forgets the cookie.'),
);

const getSchema = {
  ...common,
  operationId: 'logOutByLink',
  response: {
    200: SignedOut,
    ...errorResponses(...notSignedIn, CrossOriginRefused, NotANavigation, StoreUnavailable),
  },
};

const postSchema = {
  ...common,
  operationId: 'logOut',
  response: {
    200: SignedOut,
    ...errorResponses(...commonPostErrors, ...notSignedIn, StoreUnavailable),
  },
};

export const logout: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  const onRequest = [refuseCrossOrigin, refuseEmbeddedLoad];
  // Without HEAD: link checkers send it, and it would end sessions.
  app.get('/logout', { schema: getSchema, onRequest, exposeHeadRoute: false }, logOut);
  app.post('/logout', { schema: postSchema }, logOut);
};

async function logOut(_request: FastifyRequest, reply: FastifyReply) {
  await reply.signOut();
  return { message: 'Signed out.' };
}

const USER_DESTINATIONS: ReadonlySet<unknown> = new Set([undefined, 'document', 'empty']);

/** Rejects loads that the user did not request: a prefetch, an `<img>`, a `<script>` (Fetch Metadata, `Sec-Fetch-Dest`). */
export async function refuseEmbeddedLoad(request: FastifyRequest): Promise<void> {
  const { 'sec-purpose': purpose, 'sec-fetch-dest': destination } = request.headers;
  if (purpose || !USER_DESTINATIONS.has(destination)) {
    logEvent(request, 'malicious_csrf', { reason: 'not a navigation' });
    throw new NotANavigation();
  }
}
