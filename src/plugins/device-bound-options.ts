import { Type } from '@sinclair/typebox';
import type { CookieOptions } from '../http/cookies.ts';
import { settings } from '../settings.ts';

export interface DeviceBoundOptions {
  /** The path of the route that calls `reply.refreshSession`, as the browser sees it. Default `/refresh`. */
  readonly refreshPath?: string;
  /**
   * Other origins whose pages may send requests that the browser holds until it has refreshed the session, such as
   * `https://app.example.com` or `https://*.example.com`. Default: only the origin of the app.
   */
  readonly allowedInitiators?: readonly string[];
}

/** What the plugin `sessions` needs to bind sessions. */
export interface DeviceBound {
  readonly refreshPath: string;
  /** Host names and patterns of them. */
  readonly initiators: readonly string[];
}

/** The schema of the option `deviceBound`. */
export const DEVICE_BOUND = Type.Optional(
  Type.Union(
    [
      Type.Boolean(),
      Type.Object(
        {
          refreshPath: Type.Optional(Type.String({ pattern: '^/(?!/)[\\x21\\x23-\\x5b\\x5d-\\x7e]*$' })),
          allowedInitiators: Type.Optional(Type.Array(settings.trustedOrigin)),
        },
        { additionalProperties: false },
      ),
    ],
    {
      description:
        'true, false, or an object with refreshPath, a path such as "/refresh", and allowedInitiators, an array of http and https origins without a path, such as "https://app.example.com"',
    },
  ),
);

/**
 * Reads the option `deviceBound`. Returns `undefined` if sessions are not bound.
 * @throws TypeError if browsers would not bind a session with this cookie.
 */
export function readDeviceBound(
  option: boolean | DeviceBoundOptions | undefined,
  { secure = false, domain }: CookieOptions = {},
): DeviceBound | undefined {
  if (!option) {
    return undefined;
  }
  if (secure === false) {
    throw new TypeError('sessions: deviceBound needs cookie.secure. Browsers bind sessions over HTTPS only.');
  }
  if (domain !== undefined) {
    throw new TypeError(
      'sessions: deviceBound does not work with cookie.domain. The browser would not refresh the session for the other hosts.',
    );
  }
  const { refreshPath = '/refresh', allowedInitiators = [] } = option === true ? {} : option;
  return { refreshPath, initiators: allowedInitiators.map((origin) => new URL(origin).hostname) };
}
