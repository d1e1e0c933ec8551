import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import {
  InvalidInput,
  NewPasswordRefused,
  PasswordLinkInvalid,
  SignInBusy,
  StoreUnavailable,
  TooManyFailures,
} from '../errors.ts';
import { commonPostErrors, errorResponses, Password } from './schemas.ts';

export const PasswordByLink = Type.Object(
  { token: Type.String({ maxLength: 2048 }), newPassword: Password },
  { examples: [{ token: 'dXNlcjE.…', newPassword: 'a horse, a battery, a staple' }] },
);

const schema = {
  operationId: 'setPasswordByLink',
  tags: ['user'],
  summary: 'Set a password with a link',
  description: 'Uses up the link that the operator has made, and ends all sessions of the user. Signs nobody in.',
  security: [],
  consumes: ['application/json', 'application/x-www-form-urlencoded'],
  body: PasswordByLink,
  response: {
    204: { type: 'null', description: 'Set.' },
    ...errorResponses(
      ...commonPostErrors,
      InvalidInput,
      NewPasswordRefused,
      PasswordLinkInvalid,
      TooManyFailures,
      SignInBusy,
      StoreUnavailable,
    ),
  },
};

export const passwordLink: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/password/link', { schema }, async (request, reply) => {
    await reply.usePasswordLink(request.body.token, request.body.newPassword);
    reply.code(204).send(null);
  });
};
