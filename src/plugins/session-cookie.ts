import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IssuedSession } from '../sessions/manager.ts';
import type { Clock } from '../sessions/record.ts';
import { type CookieOptions, HostCookie, type SerializeCookie } from './host-cookie.ts';

/** The cookie that holds the session's token, until the session expires. */
export class SessionCookie {
  readonly #cookie: HostCookie;
  readonly #clock: Clock;

  constructor(
    serialize: SerializeCookie,
    clock: Clock,
    { name = 'session_token', secure = false }: CookieOptions = {},
  ) {
    this.#cookie = new HostCookie(serialize, { name, secure });
    this.#clock = clock;
  }

  get name(): string {
    return this.#cookie.name;
  }

  read(request: FastifyRequest): string[] {
    return this.#cookie.read(request);
  }

  write(reply: FastifyReply, { token, session }: IssuedSession): void {
    const maxAgeSeconds = Math.ceil((session.expiresAt - this.#clock()) / 1000);
    this.#cookie.write(reply, token, new Date(session.expiresAt), maxAgeSeconds);
  }

  clear(reply: FastifyReply): void {
    this.#cookie.write(reply, '', new Date(0), 0);
  }
}
