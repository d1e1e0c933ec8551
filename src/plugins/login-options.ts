import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { COOKIE_OPTIONS } from '../http/cookies.ts';
import { kObserver } from '../http/security-events.ts';
import { DEFAULT_NAMESPACE } from '../sessions/session.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { OF_FASTIFY, objectWith, optionalFunction, readOptions, settings } from '../settings.ts';
import { openMemoryFailureCounter } from '../stores/memory/failure-counter.ts';
import { timeBoundFailureCounter, timeBoundUsers } from '../stores/time-bound.ts';
import type { Clock } from '../types.ts';
import { Authenticator } from '../users/authenticator.ts';
import type { OpenFailureCounter } from '../users/failure-counter.ts';
import { PasswordLinks } from '../users/password-links.ts';
import { PasswordHasher } from '../users/passwords.ts';
import { Throttle } from '../users/throttle.ts';
import type { UserStore } from '../users/user-store.ts';
import { kContext } from './session-context.ts';
import { type SessionsOptions, sessions } from './sessions.ts';

/** The stores of the plugin `login`. The result of `openStores` fits. */
export interface LoginStores {
  /** Where users are found and their passwords are changed. */
  readonly users: Pick<UserStore, 'find' | 'replace'>;
  /** Where sessions are kept. Default: the store of the plugin `sessions` if it is registered, else the memory store. */
  readonly sessions?: SessionStore;
  /** Where failed sign-ins are counted. Default: in this process. */
  readonly openFailureCounter?: OpenFailureCounter;
}

export interface LoginOptions {
  /** You must close them. */
  readonly stores: LoginStores;
  /** The options of the plugin `sessions`, which `login` registers unless the app has done so. */
  readonly session?: Omit<SessionsOptions, 'store' | 'clock'>;
  /** How long a store may take to answer, in milliseconds, before a request is answered 503. Default 500. */
  readonly storeTimeoutMs?: number;
  /** Default: `new PasswordHasher()`. */
  readonly passwords?: PasswordHasher;
  /** The minimum length of a new password, in characters. Default 15. */
  readonly passwordMinLength?: number;
  /** Wrong passwords within the window for one address, or one /64 of IPv6. Default 20. */
  readonly failuresPerAddress?: number;
  /** Wrong passwords within the window for one user name, and as many for a browser that the user has used. Default 10. */
  readonly failuresPerUser?: number;
  /** The length of the window, in seconds from the first failure. Default 900. */
  readonly failureWindowSeconds?: number;
  /**
   * The cookie that identifies a browser which has signed in before. Its name is `device_token` by default. It is `Secure`
   * if the session cookie is.
   */
  readonly deviceCookie?: { readonly name?: string };
  /** Default: the clock of the session store, and `Date.now` if it has none. */
  readonly clock?: Clock;
}

const OPTIONS = {
  stores: Type.Object(
    {
      users: objectWith('find', 'replace'),
      sessions: Type.Optional(objectWith('create', 'find', 'replace', 'remove', 'listByUser', 'removeByUser')),
      openFailureCounter: optionalFunction,
      backup: optionalFunction,
    },
    {
      // A misspelled `sessions` must not be ignored. `backup` is of the stores in LMDB.
      additionalProperties: false,
      description:
        'an object with users (an object with the methods find, replace), and optionally sessions (a SessionStore) and openFailureCounter (a function)',
    },
  ),
  session: Type.Optional(
    Type.Object(
      { store: Type.Optional(Type.Undefined()), clock: Type.Optional(Type.Undefined()) },
      {
        description:
          'an object with the options of the plugin sessions, without store (pass stores.sessions) and clock (pass clock)',
      },
    ),
  ),
  storeTimeoutMs: settings.storeTimeoutMs,
  passwords: Type.Optional(objectWith('hash', 'verify')),
  passwordMinLength: settings.passwordMinLength,
  failuresPerAddress: settings.failuresPerAddress,
  failuresPerUser: settings.failuresPerUser,
  failureWindowSeconds: settings.failureWindowSeconds,
  deviceCookie: Type.Optional(
    Type.Object(
      { name: COOKIE_OPTIONS.properties.name },
      {
        additionalProperties: false,
        description:
          'an object with name, an HTTP token such as "device_token". It takes secure from the session cookie',
      },
    ),
  ),
  clock: optionalFunction,
};

type CheckedLoginOptions = ReturnType<typeof readLoginOptions>;

/** @throws TypeError with a line for each option that is unknown or invalid. */
export function readLoginOptions(options: LoginOptions) {
  return readOptions('login', OPTIONS, options, OF_FASTIFY);
}

/**
 * Registers the plugin `sessions`, unless the app has done so. A scope inside another one with the plugin gets its own if it
 * passes options or another store.
 * @throws TypeError if this scope has the plugin already: the options would have no effect.
 */
export async function registerSessions(
  app: FastifyInstance,
  { stores, session, storeTimeoutMs, clock }: LoginOptions,
): Promise<void> {
  const existing = app[kContext];
  if (existing !== undefined && session === undefined && (stores.sessions ?? existing.store) === existing.store) {
    return;
  }
  if (Object.hasOwn(app, kContext)) {
    throw new TypeError(
      'login: the plugin sessions is registered already. Pass it the options of session and the store, and leave out session and stores.sessions here.',
    );
  }
  await app.register(sessions, {
    ...(storeTimeoutMs && { storeTimeoutMs }),
    ...session,
    ...(stores.sessions && { store: stores.sessions }),
    ...(clock && { clock }),
  });
}

/** What verifies passwords and links. Failed sign-ins of each namespace are counted apart. */
export async function createAuthenticators(
  app: FastifyInstance,
  clock: Clock,
  namespace: string,
  options: CheckedLoginOptions,
): Promise<{ authenticator: Authenticator; links: PasswordLinks }> {
  const { stores, storeTimeoutMs, passwords = new PasswordHasher() } = options;
  const { openFailureCounter = openMemoryFailureCounter } = stores;
  // Areas with users of their own may share a Redis server.
  const observe = app[kObserver]?.storeCall;
  const prefix = namespace === DEFAULT_NAMESPACE ? '' : `${namespace}:`;
  const users = timeBoundUsers(stores.users, storeTimeoutMs, app.log, observe);
  const openCounter: OpenFailureCounter = (name, windowSeconds) =>
    timeBoundFailureCounter(openFailureCounter(`${prefix}${name}`, windowSeconds), storeTimeoutMs, app.log, observe);
  const { failuresPerAddress, failuresPerUser, failureWindowSeconds: windowSeconds } = options;
  const throttle = new Throttle({ openCounter, failuresPerAddress, failuresPerUser, windowSeconds, clock });
  const authenticator = await Authenticator.create({ users, passwords, throttle, clock, log: app.log });
  const counter = openCounter('link', windowSeconds);
  return { authenticator, links: new PasswordLinks({ users, passwords, counter, failuresPerAddress, clock }) };
}
