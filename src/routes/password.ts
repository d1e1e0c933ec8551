import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import {
  InvalidInput,
  NewPasswordRefused,
  SignInBusy,
  StoreUnavailable,
  TooManyFailures,
  WrongPassword,
} from '../errors.ts';
import { requireSession } from '../plugins/session-guards.ts';
import { commonPostErrors, errorResponses, notSignedIn, Password, sessionResponse, viewSession } from './schemas.ts';

export const PasswordChange = Type.Object(
  { currentPassword: Password, newPassword: Password },
  { examples: [{ currentPassword: 'password1', newPassword: 'a horse, a battery, a staple' }] },
);

const schema = {
  operationId: 'changePassword',
  tags: ['user'],
  summary: 'Change the password',
  description: 'Gives the session a new token and ends all other sessions of the user.',
  security: [{ sessionCookie: [] }],
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: PasswordChange,
  response: {
    200: sessionResponse(
      'Changed.',
      'The token, until `expiresAt` (`endsAt` with renewal by activity), and a cookie that identifies the browser.',
    ),
    ...errorResponses(
      ...commonPostErrors,
      InvalidInput,
      NewPasswordRefused,
      ...notSignedIn,
      WrongPassword,
      TooManyFailures,
      SignInBusy,
      StoreUnavailable,
    ),
  },
};

export const password: FastifyPluginAsyncTypebox = async (app) => {
  // The guard runs before the body is read and validated: a stranger learns nothing about the schema.
  app.post('/password', { schema, onRequest: requireSession }, async (request, reply) => {
    const { currentPassword, newPassword } = request.body;
    return viewSession(await reply.changePassword(currentPassword, newPassword), { current: true });
  });
};
