import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { NoSuchSession, ReauthenticationRequired, StoreUnavailable } from '../errors.ts';
import { ignoreBodies } from '../plugins/content-type-parsers.ts';
import { requireRecentSignIn, requireSession } from '../plugins/session-guards.ts';
import { int32, ListedSession, Ref, Session } from './components.ts';
import { commonPostErrors, errorResponses, jsonResponse, notSignedIn, viewSession } from './schemas.ts';

const security = [{ sessionCookie: [] }];
const common = { tags: ['user'], security };

const getSchema = {
  operationId: 'getSession',
  tags: ['session'],
  summary: 'Show this session',
  description: 'Renews it only if the server renews sessions by activity.',
  security,
  response: {
    200: jsonResponse('Signed in.', Ref(Session)),
    ...errorResponses(...notSignedIn, StoreUnavailable),
  },
};

const listSchema = {
  ...common,
  operationId: 'listSessions',
  summary: 'List my sessions',
  description: 'All live sessions of the user, newest first.',
  response: {
    200: jsonResponse(
      'The sessions, at least the one of the request.',
      Type.Array(Ref(ListedSession), { maxItems: 10_000 }),
    ),
    ...errorResponses(...notSignedIn, StoreUnavailable),
  },
};

const Ended = jsonResponse(
  'Ended.',
  Type.Object({
    ended: Type.Integer({ ...int32, minimum: 0, maximum: 10_000, description: 'The number of sessions that ended.' }),
  }),
);

/** The router accepts no longer parameter. */
export const SessionId = Type.Object({
  id: Type.String({ maxLength: 100, description: 'An `id` of `GET /sessions`.' }),
});

const revokeSchema = {
  ...common,
  operationId: 'endSession',
  summary: 'End one of my sessions',
  description: 'Requires a recent sign-in.',
  params: SessionId,
  response: {
    200: Ended,
    ...errorResponses(...commonPostErrors, ...notSignedIn, ReauthenticationRequired, NoSuchSession, StoreUnavailable),
  },
};

const revokeOthersSchema = {
  ...common,
  operationId: 'endOtherSessions',
  summary: 'End all my other sessions',
  description: 'Requires a recent sign-in.',
  response: {
    200: Ended,
    ...errorResponses(...commonPostErrors, ...notSignedIn, ReauthenticationRequired, StoreUnavailable),
  },
};

/** Shows this session, lists the user's sessions and ends them (OWASP ASVS 5.0, 7.5.2). */
export const sessionRoutes: FastifyPluginAsyncTypebox = async (app) => {
  ignoreBodies(app);
  // The guards run before the parameters are validated: a stranger learns nothing about the schema.
  app.get('/session', { schema: getSchema, onRequest: requireSession }, async ({ session }) =>
    viewSession(session, { current: true }),
  );
  app.get('/sessions', { schema: listSchema, onRequest: requireSession }, async (request) => {
    const sessions = await request.listSessions();
    return sessions.map((session) => ({
      ...viewSession(session, { current: session.id === request.session.id }),
      address: session.address,
      device: session.device,
    }));
  });
  app.delete('/sessions/:id', { schema: revokeSchema, onRequest: requireRecentSignIn }, async (request) => {
    await request.revokeSession(request.params.id);
    return { ended: 1 };
  });
  app.delete('/sessions', { schema: revokeOthersSchema, onRequest: requireRecentSignIn }, async (request) => ({
    ended: await request.revokeOtherSessions(),
  }));
};
