import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import {
  InvalidCredentials,
  InvalidInput,
  NewPasswordRefused,
  PasswordExpired,
  SignInBusy,
  StoreFull,
  StoreUnavailable,
  TooManyFailures,
} from '../errors.ts';
import { commonPostErrors, errorResponses, Password, sessionResponse, viewSession } from './schemas.ts';

/** Neither is required: a missing name or password is answered like a wrong one. */
export const Credentials = Type.Object(
  {
    username: Type.Optional(Type.String({ maxLength: 256 })),
    password: Type.Optional(Password),
    newPassword: Type.Optional(Password),
  },
  { examples: [{ username: 'user1', password: 'password1' }] },
);

const COOKIES =
  'The token, until `expiresAt` (`endsAt` with renewal by activity), and a cookie that identifies the browser.';

const schema = {
  operationId: 'signIn',
  tags: ['session'],
  summary: 'Sign in',
  description:
    'Starts a session. One that came with the request ends. `newPassword` changes the password, which must be done if it has expired.',
  security: [],
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: Credentials,
  response: {
    200: sessionResponse('Signed in.', COOKIES),
    ...errorResponses(
      ...commonPostErrors,
      InvalidInput,
      NewPasswordRefused,
      InvalidCredentials,
      PasswordExpired,
      TooManyFailures,
      SignInBusy,
      StoreFull,
      StoreUnavailable,
    ),
  },
};

export const signin: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/signin', { schema }, async (request, reply) => {
    return viewSession(await reply.signIn(request.body), { current: true });
  });
};
