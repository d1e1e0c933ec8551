import { fastifyCookie } from '@fastify/cookie';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { settings } from '../settings.ts';
import type { Clock, Milliseconds } from '../types.ts';
import { browserScheme } from './browser-scheme.ts';

export interface CookieOptions {
  /** The name of the cookie, without prefix. */
  readonly name?: string;
  /**
   * Whether the cookie is sent over HTTPS only. Its name is then `__Host-<name>`, which keeps other hosts of the domain
   * from setting it (RFC 6265bis, section 4.1.3.2), and a cookie without the prefix is not read. With `auto` this follows
   * `request.protocol`: behind a proxy that ends TLS, set `trustProxy`. Default `false`.
   */
  readonly secure?: boolean | 'auto';
  /**
   * The domain whose hosts all receive the cookie, such as `example.com`. The prefix is then `__Secure-`. A host of the domain
   * that an attacker controls can read and set the cookie. Default: only the host of the app.
   */
  readonly domain?: string;
}

interface CookieAttributes {
  readonly path: '/';
  readonly httpOnly: true;
  readonly sameSite: 'lax';
  readonly secure: boolean;
  readonly domain?: string;
}

/** The part of `app.serializeCookie` that is used here. The type of @fastify/cookie would be missing in the published types. */
type SerializeCookie = (
  name: string,
  value: string,
  attributes: CookieAttributes & { readonly expires: Date; readonly maxAge: number },
) => string;

/** The schema of {@link CookieOptions}. */
export const COOKIE_OPTIONS = Type.Optional(
  Type.Object(
    {
      name: Type.Optional(settings.cookieName),
      secure: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('auto')])),
      domain: Type.Optional(settings.cookieDomain),
    },
    {
      additionalProperties: false,
      description:
        'an object with name, an HTTP token such as "session_token"; secure: true, false or "auto"; and domain, such as "example.com"',
    },
  ),
);

type Defaults = Required<Pick<CookieOptions, 'name' | 'secure'>>;

interface Settings extends Defaults {
  readonly domain: string | undefined;
}

/** The form of a cookie for one scheme. */
interface Variant {
  readonly name: string;
  readonly prefix: string;
  readonly attributes: CookieAttributes;
}

/** A cookie of this service, which scripts cannot read. All our cookies are read and written here. */
export class ServiceCookie {
  /** The configured name, without a prefix. */
  readonly baseName: string;
  readonly secure: boolean | 'auto';
  readonly #serialize: SerializeCookie;
  readonly #clock: Clock;
  #warned = false;
  readonly #plain: Variant;
  readonly #secure: Variant;

  private constructor(serialize: SerializeCookie, clock: Clock, { name, secure, domain }: Settings) {
    this.baseName = name;
    this.secure = secure;
    this.#serialize = serialize;
    this.#clock = clock;
    this.#plain = variant(name, { secure: false, domain });
    this.#secure = variant(`${domain === undefined ? '__Host-' : '__Secure-'}${name}`, { secure: true, domain });
  }

  static async create(
    app: FastifyInstance,
    clock: Clock,
    defaults: Defaults,
    { name = defaults.name, secure = defaults.secure, domain }: CookieOptions = {},
  ): Promise<ServiceCookie> {
    return new ServiceCookie(await cookieSerializer(app), clock, { name, secure, domain });
  }

  /** The name of the cookie. If it depends on the request, the name without a prefix. */
  get name(): string {
    return (this.secure === true ? this.#secure : this.#plain).name;
  }

  /** Whether the cookie is sent over HTTPS only in the reply to this request. */
  isSecure(request: FastifyRequest): boolean {
    return this.secure === 'auto' ? request.protocol === 'https' : this.secure;
  }

  /**
   * Returns every value of the cookie in the request, exactly as sent: a token needs no quotes and no decoding. More than
   * one means that another page has set a cookie of this name for a narrower path or a wider domain; nothing tells which
   * value is ours.
   */
  read(request: FastifyRequest): string[] {
    const header = request.headers.cookie ?? '';
    const { prefix } = this.#variant(request);
    const values: string[] = [];
    // Other cookies are skipped without parsing them.
    for (let start = 0; start < header.length; ) {
      const semicolon = header.indexOf(';', start);
      const end = semicolon === -1 ? header.length : semicolon;
      start = skipSpace(header, start);
      if (header.startsWith(prefix, start)) {
        values.push(header.slice(start + prefix.length, end).trimEnd());
      }
      start = end + 1;
    }
    return values;
  }

  /** Sets the cookie until `expiresAt`. */
  write(reply: FastifyReply, value: string, expiresAt: Milliseconds): void {
    this.#set(reply, value, expiresAt, Math.ceil((expiresAt - this.#clock()) / 1000));
  }

  /**
   * Logs once if the browser uses another scheme than the cookie is for: the browser then drops the cookie, or also sends
   * it without encryption.
   */
  warnOfScheme(request: FastifyRequest): void {
    const { scheme, source } = browserScheme(request);
    if (this.#warned || scheme === undefined || (scheme === 'https') === this.isSecure(request)) {
      return;
    }
    this.#warned = true;
    const fix =
      this.secure === 'auto'
        ? 'set trustProxy, so that request.protocol is what the browser uses'
        : `set cookie.secure to ${scheme === 'https'}, or to "auto"`;
    const details = { source, scheme, secure: this.secure, fix };
    request.log.warn(details, 'browsers use another scheme than the session cookie is meant for');
  }

  /** The name and the attributes of the cookie that the reply to this request sets, without its lifetime. */
  describe(request: FastifyRequest): { name: string; attributes: string } {
    const { name, attributes } = this.#variant(request);
    return { name, attributes: `Path=${attributes.path}; HttpOnly; Secure; SameSite=Lax` };
  }

  /** Makes the client delete the cookie. */
  clear(reply: FastifyReply): void {
    this.#set(reply, '', 0, 0);
  }

  /** It does not use `reply.setCookie`, which adds what the app configured for its own cookies, such as a signature. */
  #set(reply: FastifyReply, value: string, expiresAt: Milliseconds, maxAge: number): void {
    const { name, prefix, attributes } = this.#variant(reply.request);
    const cookie = this.#serialize(name, value, { ...attributes, expires: new Date(expiresAt), maxAge });
    // A reply must not set one cookie twice (RFC 6265, section 4.1.1).
    const earlier = [reply.getHeader('set-cookie') ?? []].flat().map(String);
    const others = earlier.filter((one) => !one.startsWith(prefix));
    if (others.length < earlier.length) {
      reply.removeHeader('set-cookie');
      reply.header('set-cookie', [...others, cookie]);
    } else {
      reply.header('set-cookie', cookie);
    }
  }

  #variant(request: FastifyRequest): Variant {
    return this.isSecure(request) ? this.#secure : this.#plain;
  }
}

function variant(name: string, { secure, domain }: { secure: boolean; domain: string | undefined }): Variant {
  const attributes = {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure,
    ...(domain !== undefined && { domain }),
  } as const;
  return { name, prefix: `${name}=`, attributes };
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
