import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IssuedSession } from '../sessions/manager.ts';
import type { Clock } from '../sessions/record.ts';

export interface SessionCookieOptions {
  /** The cookie's name, without prefix. Default `session_token`. */
  readonly name?: string;
  /**
   * Whether the cookie travels over HTTPS only. It is then named `__Host-<name>`, which keeps neighbouring hosts
   * from setting it (RFC 6265bis, section 4.1.3.2), and no other name is read. Default `false`.
   */
  readonly secure?: boolean;
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** The session's cookie: the one place that reads it from a request and writes it to a reply. */
export class SessionCookie {
  readonly name: string;
  readonly #prefix: string;
  readonly #attributes: { path: '/'; httpOnly: true; sameSite: 'lax'; secure: boolean };
  readonly #clock: Clock;

  constructor(clock: Clock, { name = 'session_token', secure = false }: SessionCookieOptions = {}) {
    if (!NAME.test(name)) {
      throw new TypeError(`cookie.name must be an HTTP token such as "session_token", not "${name}"`);
    }
    this.name = secure ? `__Host-${name}` : name;
    this.#prefix = `${this.name}=`;
    this.#attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure };
    this.#clock = clock;
  }

  /**
   * Every value that the request gives the cookie, exactly as sent: a token needs no quotes and no decoding.
   * More than one means that somebody else's page has set a cookie of this name for a narrower path or a wider
   * domain, and there is no telling which of them is ours.
   */
  read(request: FastifyRequest): string[] {
    const pairs = request.headers.cookie?.split(';') ?? [];
    return pairs
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(this.#prefix))
      .map((pair) => pair.slice(this.#prefix.length));
  }

  write(reply: FastifyReply, { token, session }: IssuedSession): void {
    const expires = new Date(session.expiresAt);
    this.#set(reply, token, expires, Math.ceil((session.expiresAt - this.#clock()) / 1000));
  }

  clear(reply: FastifyReply): void {
    this.#set(reply, '', new Date(0), 0);
  }

  /** Not by `setCookie`, which adds what the app around us wants of its own cookies, such as a signature. */
  #set(reply: FastifyReply, value: string, expires: Date, maxAge: number): void {
    const attributes = { ...this.#attributes, expires, maxAge };
    reply.header('set-cookie', reply.server.serializeCookie(this.name, value, attributes));
  }
}
