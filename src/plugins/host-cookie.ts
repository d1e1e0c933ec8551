import { fastifyCookie } from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface CookieOptions {
  /** The cookie's name, without prefix. */
  readonly name?: string;
  /**
   * Whether the cookie travels over HTTPS only. It is then named `__Host-<name>`, which keeps neighbouring hosts
   * from setting it (RFC 6265bis, section 4.1.3.2), and no other name is read. Default `false`.
   */
  readonly secure?: boolean;
}

/** Spells the value of a `Set-Cookie` header. */
export type SerializeCookie = FastifyInstance['serializeCookie'];

/**
 * The serializer of the app's `@fastify/cookie` or, if it has none, of ours, which is registered in a context of its own:
 * its hook and its fields stay away from the app's requests, and the app may bring in its own later.
 */
export async function cookieSerializer(app: FastifyInstance): Promise<SerializeCookie> {
  if (app.hasPlugin('@fastify/cookie')) {
    return app.serializeCookie;
  }
  let serialize!: SerializeCookie;
  await app.register(async (own) => {
    await own.register(fastifyCookie, { hook: false });
    serialize = own.serializeCookie;
  });
  return serialize;
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** A cookie for this host alone, which no script reads: the one place that reads and writes cookies. */
export class HostCookie {
  readonly name: string;
  readonly #serialize: SerializeCookie;
  readonly #prefix: string;
  readonly #attributes: { path: '/'; httpOnly: true; sameSite: 'lax'; secure: boolean };

  /** @throws TypeError when the name is no HTTP token. */
  constructor(
    serialize: SerializeCookie,
    { name, secure = false }: CookieOptions & { readonly name: string },
  ) {
    if (!NAME.test(name)) {
      throw new TypeError(`cookie.name must be an HTTP token such as "session_token", not "${name}"`);
    }
    this.#serialize = serialize;
    this.name = secure ? `__Host-${name}` : name;
    this.#prefix = `${this.name}=`;
    this.#attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure };
  }

  /**
   * Every value that the request gives the cookie, exactly as sent: a token needs no quotes and no decoding.
   * More than one means that somebody else's page has set a cookie of this name for a narrower path or a wider
   * domain, and there is no telling which of them is ours.
   */
  read(request: FastifyRequest): string[] {
    const header = request.headers.cookie ?? '';
    const values: string[] = [];
    // From pair to pair, without taking apart those that are not ours.
    for (let start = 0; start < header.length; ) {
      const semicolon = header.indexOf(';', start);
      const end = semicolon === -1 ? header.length : semicolon;
      start = pastSpace(header, start);
      if (header.startsWith(this.#prefix, start)) {
        values.push(header.slice(start + this.#prefix.length, end).trimEnd());
      }
      start = end + 1;
    }
    return values;
  }

  /** Not by `setCookie`, which adds what the app around us wants of its own cookies, such as a signature. */
  write(reply: FastifyReply, value: string, expires: Date, maxAgeSeconds: number): void {
    const attributes = { ...this.#attributes, expires, maxAge: maxAgeSeconds };
    reply.header('set-cookie', this.#serialize(this.name, value, attributes));
  }
}

function pastSpace(text: string, start: number): number {
  let i = start;
  while (text[i] === ' ' || text[i] === '\t') {
    i++;
  }
  return i;
}
