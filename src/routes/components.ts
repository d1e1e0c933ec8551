import ajvCompiler from '@fastify/ajv-compiler';
import serializerCompiler from '@fastify/fast-json-stringify-compiler';
import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifySerializerCompiler } from 'fastify';
import { errorBody, httpErrors, Unauthenticated } from '../errors.ts';

/** A schema with a name in the OpenAPI document. The id is unique among the schemas of an app that embeds the routes. */
function named<P extends TProperties>(title: string, properties: P, example: object) {
  return Type.Object(properties, { $id: `session-cookie-login.${title}`, title, examples: [example] });
}

const Time = (description: string) => Type.String({ format: 'date-time', maxLength: 24, description });

/** For generated clients: the size of the integer. It has no effect on the JSON. */
export const int32 = { format: 'int32' };

const EXAMPLE = {
  id: 'fB3tN5xk0qWm2VhC9sYzLg',
  username: 'user1',
  createdAt: '2030-01-01T12:00:00.000Z',
  authenticatedAt: '2030-01-01T12:00:00.000Z',
  expiresAt: '2030-01-01T12:02:00.000Z',
  endsAt: '2030-01-02T00:00:00.000Z',
  bound: false,
  current: true,
};

const sessionProperties = {
  id: Type.String({
    pattern: '^[A-Za-z0-9_-]{22}$',
    maxLength: 22,
    description: 'The public name of the session. It gives no access, and never changes.',
  }),
  username: Type.String({ maxLength: 256 }),
  createdAt: Time('The time of the sign-in.'),
  authenticatedAt: Time('The time when the user last entered the password.'),
  expiresAt: Time('The time when the session ends if it is not renewed.'),
  endsAt: Time('The time when the session ends in any case.'),
  bound: Type.Boolean({
    description: 'Whether the browser must prove for a new token that it has the key of the session.',
  }),
  current: Type.Boolean({ description: 'Whether this is the session of the request.' }),
};

/** A session in a response. Times are ISO 8601 in UTC. */
export const Session = named('Session', sessionProperties, EXAMPLE);

/** A session in the list of its user's sessions. */
export const ListedSession = named(
  'ListedSession',
  {
    ...sessionProperties,
    address: Type.String({ maxLength: 64, description: 'The address of the client at the sign-in.' }),
    device: Type.String({ maxLength: 256, description: 'The client at the sign-in.' }),
  },
  { ...EXAMPLE, address: '192.0.2.1', device: 'Firefox on Linux' },
);

/** The body of every error. */
export const ErrorReply = named(
  'Error',
  {
    statusCode: Type.Integer({ ...int32, minimum: 400, maximum: 599 }),
    code: Type.String({
      enum: httpErrors.map((Entry) => new Entry().code),
      description: 'The error, for programs. It does not change.',
    }),
    error: Type.String({ maxLength: 64, description: 'The reason phrase of the status.' }),
    message: Type.String({ maxLength: 1024, description: 'The error, for people. It may change.' }),
  },
  errorBody(new Unauthenticated()),
);

const COMPONENTS = [Session, ListedSession, ErrorReply];

/** A reference to one of the schemas above. */
export function Ref<T extends TSchema>({ $id }: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${$id}#` });
}

/** Shared by all scopes: it makes one Ajv for equal options. */
const validatorCompiler = ajvCompiler();

/** As in the service: input is not converted. By default Fastify turns numbers into strings. */
const VALIDATION = { customOptions: { coerceTypes: false, removeAdditional: false } } as const;

/**
 * Adds the schemas above to the scope of some routes, and what validates and serializes with them. An app may have set other compilers,
 * such as those of Zod, which cannot read these schemas.
 */
export function addComponents(app: FastifyInstance): void {
  for (const schema of COMPONENTS) {
    app.addSchema(schema);
  }
  app.setValidatorCompiler(validatorCompiler({}, VALIDATION));
  app.setSerializerCompiler(serializerCompiler()(app.getSchemas()) as FastifySerializerCompiler<unknown>);
}
