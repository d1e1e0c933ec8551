import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CrossOriginRefused, NotANavigation, NotSignedIn, StoreUnavailable } from '../errors.ts';
import { logEvent } from '../security-events.ts';
import { anyPost, refusals, setCookieHeader } from './replies.ts';

const common = {
  tags: ['session'],
  summary: 'End the session',
  description: 'Also answers 200 when the session is over already. Clears the cookie.',
  security: [{ sessionCookie: [] }],
};

const SignedOut = Type.Object(
  { message: Type.String() },
  {
    description: 'Signed out.',
    examples: [{ message: 'Signed out.' }],
    ...setCookieHeader('An empty value that has expired: the client forgets the cookie.'),
  },
);

const getSchema = {
  ...common,
  operationId: 'logOutByLink',
  response: {
    200: SignedOut,
    ...refusals(NotSignedIn, CrossOriginRefused, NotANavigation, StoreUnavailable),
  },
};

const postSchema = {
  ...common,
  operationId: 'logOut',
  response: {
    200: SignedOut,
    ...refusals(...anyPost, NotSignedIn, StoreUnavailable),
  },
};

export const logout: FastifyPluginAsyncTypebox = async (app) => {
  const onRequest = [app.refuseCrossOrigin, refuseEmbeddedLoad];
  // A HEAD that comes with every GET would end sessions for link checkers.
  app.get('/logout', { schema: getSchema, onRequest, exposeHeadRoute: false }, logOut);
  app.post('/logout', { schema: postSchema }, logOut);
};

async function logOut(_request: FastifyRequest, reply: FastifyReply) {
  await reply.endSession();
  return { message: 'Signed out.' };
}

const DELIBERATE: ReadonlySet<unknown> = new Set([undefined, 'document', 'empty']);

/** Refuses loads that no person asked for: a prefetch, an `<img>`, a `<script>` (Fetch Metadata, `Sec-Fetch-Dest`). */
async function refuseEmbeddedLoad(request: FastifyRequest): Promise<void> {
  const { 'sec-purpose': purpose, 'sec-fetch-dest': destination } = request.headers;
  if (purpose || !DELIBERATE.has(destination)) {
    logEvent(request, 'malicious_csrf', { reason: 'not a navigation' });
    throw new NotANavigation();
  }
}
