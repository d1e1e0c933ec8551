import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { NoSuchSession, NotSignedIn, SignInAgain, StoreUnavailable } from '../errors.ts';
import { anyPost, refusals } from './replies.ts';
import { ListedSession, listSession } from './session-view.ts';

const common = { tags: ['user'], security: [{ sessionCookie: [] }] };

const Ended = Type.Object(
  { ended: Type.Integer({ minimum: 0, description: 'How many sessions this has ended.' }) },
  { description: 'Ended.', examples: [{ ended: 1 }] },
);

const listSchema = {
  ...common,
  operationId: 'listSessions',
  summary: 'List my sessions',
  description: 'All live sessions of the user, newest first.',
  response: {
    200: Type.Array(ListedSession, { description: 'At least this one.' }),
    ...refusals(NotSignedIn, StoreUnavailable),
  },
};

const endOneSchema = {
  ...common,
  operationId: 'endSession',
  summary: 'End one of my sessions',
  description: 'Needs a sign-in not long ago.',
  params: Type.Object({ id: Type.String({ description: 'As `GET /sessions` lists it.' }) }),
  response: {
    200: Ended,
    ...refusals(...anyPost, NotSignedIn, SignInAgain, NoSuchSession, StoreUnavailable),
  },
};

const endOthersSchema = {
  ...common,
  operationId: 'endOtherSessions',
  summary: 'End all my sessions but this one',
  description: 'Needs a sign-in not long ago.',
  response: {
    200: Ended,
    ...refusals(...anyPost, NotSignedIn, SignInAgain, StoreUnavailable),
  },
};

/** What a user may see and end of their own sessions (OWASP ASVS 5.0, 7.5.2). */
export const mySessions: FastifyPluginAsyncTypebox = async (app) => {
  const { requireSession, requireFreshSession } = app;
  app.get('/sessions', { schema: listSchema, preHandler: requireSession }, async (request) => {
    const all = await request.listSessions();
    return all.map((one) => listSession(one, { current: one.id === request.session.id }));
  });
  app.delete('/sessions/:id', { schema: endOneSchema, preHandler: requireFreshSession }, async (request) => {
    await request.endSession(request.params.id);
    return { ended: 1 };
  });
  app.delete('/sessions', { schema: endOthersSchema, preHandler: requireFreshSession }, async (request) => ({
    ended: await request.endOtherSessions(),
  }));
};
