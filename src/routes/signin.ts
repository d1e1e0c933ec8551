import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import {
  InvalidInput,
  SignInBusy,
  SignInRefused,
  StoreFull,
  StoreUnavailable,
  TooManyFailures,
} from '../errors.ts';
import { Password } from './credentials.ts';
import { anyPost, refusals } from './replies.ts';
import { sessionReply, viewSession } from './session-view.ts';

/** A name or a password that is missing is refused like a wrong one, so neither is required here. */
const Credentials = Type.Object(
  {
    username: Type.Optional(Type.String({ maxLength: 256 })),
    password: Type.Optional(Password),
  },
  { examples: [{ username: 'user1', password: 'password1' }] },
);

const COOKIES =
  'Two: the fresh token, until `expiresAt`; and `device_token`, by which the browser is known again at a later sign-in.';

const schema = {
  operationId: 'signIn',
  tags: ['session'],
  summary: 'Sign in',
  description: 'Starts a session and sets its cookie. A session that came with the request ends.',
  security: [],
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: Credentials,
  response: {
    200: sessionReply('Signed in.', COOKIES),
    ...refusals(
      ...anyPost,
      InvalidInput,
      SignInRefused,
      TooManyFailures,
      SignInBusy,
      StoreFull,
      StoreUnavailable,
    ),
  },
};

export const signin: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/signin', { schema }, async (request, reply) => {
    const { username = '', password = '' } = request.body;
    return viewSession(await reply.signIn({ username, password }), { current: true });
  });
};
