import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { InvalidInput, SignInBusy, SignInRefused, StoreFull, StoreUnavailable } from '../errors.ts';
import { anyPost, refusals } from './replies.ts';
import { sessionReply, viewSession } from './session-view.ts';

/** A name or a password that is missing is refused like a wrong one, so neither is required here. */
const Credentials = Type.Object(
  {
    username: Type.Optional(Type.String({ maxLength: 256 })),
    password: Type.Optional(Type.String({ maxLength: 1024, format: 'password' })),
  },
  { examples: [{ username: 'user1', password: 'password1' }] },
);

const schema = {
  operationId: 'signIn',
  tags: ['session'],
  summary: 'Sign in',
  description: 'Starts a session and sets its cookie. A session that came with the request ends.',
  security: [],
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: Credentials,
  response: {
    200: sessionReply('Signed in.'),
    ...refusals(...anyPost, InvalidInput, SignInRefused, SignInBusy, StoreFull, StoreUnavailable),
  },
};

export const signin: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/signin', { schema }, async (request, reply) => {
    const { username = '', password = '' } = request.body;
    const user = await app.authenticate(username, password);
    if (user === undefined) {
      // Not the name: people type their password into the wrong field.
      request.log.warn({ remoteAddress: request.ip }, 'sign-in refused');
      throw new SignInRefused();
    }
    const session = await reply.startSession(user.username, () => app.isUnchanged(user));
    return viewSession(session, { current: true });
  });
};
