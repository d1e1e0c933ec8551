import { fastifyCookie } from '@fastify/cookie';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock, Milliseconds } from '../types.ts';

export interface CookieOptions {
  /** The name of the cookie, without prefix. */
  readonly name?: string;
  /**
   * Whether the cookie is sent over HTTPS only. Its name is then `__Host-<name>`, which keeps other hosts of the domain
   * from setting it (RFC 6265bis, section 4.1.3.2), and a cookie without the prefix is not read. Default `false`.
   */
  readonly secure?: boolean;
}

interface CookieAttributes {
  readonly path: '/';
  readonly httpOnly: true;
  readonly sameSite: 'lax';
  readonly secure: boolean;
}

/** The part of `app.serializeCookie` that is used here. The type of @fastify/cookie would be missing in the published types. */
type SerializeCookie = (
  name: string,
  value: string,
  attributes: CookieAttributes & { readonly expires: Date; readonly maxAge: number },
) => string;

/** The schema of {@link CookieOptions}. The name is an HTTP token (RFC 6265, section 4.1.1). */
export const COOKIE_OPTIONS = Type.Optional(
  Type.Object(
    {
      name: Type.Optional(Type.String({ pattern: "^[\\w!#$%&'*+.^`|~-]+$" })),
      secure: Type.Optional(Type.Boolean()),
    },
    {
      additionalProperties: false,
      description: 'an object with name, an HTTP token such as "session_token", and secure, a boolean',
    },
  ),
);

/** A cookie of this service: for this host only, and not readable by scripts. All our cookies are read and written here. */
export class ServiceCookie {
  readonly name: string;
  readonly #serialize: SerializeCookie;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #attributes: CookieAttributes;

  private constructor(serialize: SerializeCookie, clock: Clock, name: string, secure: boolean) {
    this.#serialize = serialize;
    this.#clock = clock;
    this.name = secure ? `__Host-${name}` : name;
    this.#prefix = `${this.name}=`;
    this.#attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure };
  }

  static async create(
    app: FastifyInstance,
    clock: Clock,
    defaultName: string,
    { name = defaultName, secure = false }: CookieOptions = {},
  ): Promise<ServiceCookie> {
    return new ServiceCookie(await cookieSerializer(app), clock, name, secure);
  }

  /**
   * Returns every value of the cookie in the request, exactly as sent: a token needs no quotes and no decoding. More than
   * one means that another page has set a cookie of this name for a narrower path or a wider domain; nothing tells which
   * value is ours.
   */
  read(request: FastifyRequest): string[] {
    const header = request.headers.cookie ?? '';
    const values: string[] = [];
    // Other cookies are skipped without parsing them.
    for (let start = 0; start < header.length; ) {
      const semicolon = header.indexOf(';', start);
      const end = semicolon === -1 ? header.length : semicolon;
      start = skipSpace(header, start);
      if (header.startsWith(this.#prefix, start)) {
        values.push(header.slice(start + this.#prefix.length, end).trimEnd());
      }
      start = end + 1;
    }
    return values;
  }

  /** Sets the cookie until `expiresAt`. */
  write(reply: FastifyReply, value: string, expiresAt: Milliseconds): void {
    this.#set(reply, value, expiresAt, Math.ceil((expiresAt - this.#clock()) / 1000));
  }

  /** Makes the client delete the cookie. */
  clear(reply: FastifyReply): void {
    this.#set(reply, '', 0, 0);
  }

  /** It does not use `reply.setCookie`, which adds what the app configured for its own cookies, such as a signature. */
  #set(reply: FastifyReply, value: string, expiresAt: Milliseconds, maxAge: number): void {
    const attributes = { ...this.#attributes, expires: new Date(expiresAt), maxAge };
    reply.header('set-cookie', this.#serialize(this.name, value, attributes));
  }
}

/**
 * The serializer of the app's `@fastify/cookie`. If the app has none, ours is registered in a context of its own: its hook
 * and its fields stay away from the app's requests, and the app may register its own later.
 */
async function cookieSerializer(app: FastifyInstance): Promise<SerializeCookie> {
  if (app.hasPlugin('@fastify/cookie')) {
    return app.serializeCookie;
  }
  let serialize!: SerializeCookie;
  await app.register(async (scope) => {
    await scope.register(fastifyCookie, { hook: false });
    serialize = scope.serializeCookie;
  });
  return serialize;
}

function skipSpace(text: string, start: number): number {
  let i = start;
  while (text[i] === ' ' || text[i] === '\t') {
    i++;
  }
  return i;
}
