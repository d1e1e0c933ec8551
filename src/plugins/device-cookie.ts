import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../sessions/record.ts';
import type { Proof } from '../users/authenticator.ts';
import { DEVICE_TOKEN_SECONDS, issueDeviceToken } from '../users/device-token.ts';
import { type CookieOptions, HostCookie, type SerializeCookie } from './host-cookie.ts';

/** The cookie by which a browser is known again that has signed in before. It is no session, and opens none. */
export class DeviceCookie {
  readonly #cookie: HostCookie;
  readonly #clock: Clock;

  constructor(
    serialize: SerializeCookie,
    clock: Clock,
    { name = 'device_token', secure = false }: CookieOptions = {},
  ) {
    this.#cookie = new HostCookie(serialize, { name, secure });
    this.#clock = clock;
  }

  read(request: FastifyRequest): string[] {
    return this.#cookie.read(request);
  }

  write(reply: FastifyReply, { user, deviceId }: Proof): void {
    const now = this.#clock();
    const expires = new Date(now + DEVICE_TOKEN_SECONDS * 1000);
    this.#cookie.write(reply, issueDeviceToken(user, now, deviceId), expires, DEVICE_TOKEN_SECONDS);
  }
}
