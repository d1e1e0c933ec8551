import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from './config.ts';
import { isHttps } from './fastify-options.ts';
import { bodies } from './plugins/bodies.ts';
import { crossOriginGuard } from './plugins/cross-origin-guard.ts';
import { docs } from './plugins/docs.ts';
import { errors } from './plugins/errors.ts';
import { gracefulClose } from './plugins/graceful-close.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { sessions } from './plugins/sessions.ts';
import { users } from './plugins/users.ts';
import { health } from './routes/health.ts';
import { logout } from './routes/logout.ts';
import { mySessions } from './routes/my-sessions.ts';
import { password } from './routes/password.ts';
import { refresh } from './routes/refresh.ts';
import { session } from './routes/session.ts';
import { signin } from './routes/signin.ts';
import { welcome } from './routes/welcome.ts';
import type { Clock } from './sessions/record.ts';
import { closeStores, openStores } from './stores/open-stores.ts';
import type { SessionStore } from './stores/session-store.ts';
import type { UserStore } from './stores/user-store.ts';
import { addDemoUsers } from './users/demo-users.ts';
import { PasswordHasher } from './users/passwords.ts';

export interface ServiceOptions {
  readonly config: Config;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** Default: the store that `STORE_URL` names. Yours is yours to close. */
  readonly sessionStore?: SessionStore;
  /** Default: the store that `STORE_URL` names; the one in memory has the demo users. Yours is yours to close. */
  readonly userStore?: UserStore;
  readonly passwords?: PasswordHasher;
}

/** The whole service as one plugin, for a Fastify instance made with `fastifyOptions`. */
export const service = fp(registerService, { name: 'service', fastify: '5.x' });

async function registerService(app: FastifyInstance, options: ServiceOptions): Promise<void> {
  const { config, clock = Date.now, passwords = new PasswordHasher() } = options;
  const https = isHttps(config);
  const stores = await openStores(config.STORE_URL, {
    timeoutMs: config.STORE_TIMEOUT_MS,
    keyPrefix: config.REDIS_KEY_PREFIX,
    maxSessions: config.MAX_SESSIONS,
    clock,
    log: app.log,
  });
  app.addHook('onClose', () => closeStores(stores));
  const { sessionStore = stores.sessions, userStore = stores.users } = options;
  if (config.STORE_URL === 'memory:' && options.userStore === undefined) {
    const users = await addDemoUsers(userStore, passwords);
    app.log.warn({ users }, 'DEMO USERS with public passwords can sign in: do not use this store for real');
  }

  // What every request meets, in this order.
  await app.register(errors);
  await app.register(gracefulClose);
  await app.register(securityHeaders, { https });
  await app.register(crossOriginGuard, { publicOrigin: config.PUBLIC_URL });
  await app.register(bodies);

  // What the routes use.
  await app.register(sessions, {
    store: sessionStore,
    storeTimeoutMs: config.STORE_TIMEOUT_MS,
    idleSeconds: config.SESSION_IDLE_SECONDS,
    maxSeconds: config.SESSION_MAX_SECONDS,
    maxPerUser: config.SESSIONS_PER_USER,
    freshSeconds: config.FRESH_SECONDS,
    reuseWindowSeconds: config.REUSE_WINDOW_SECONDS,
    cookie: { secure: https },
    clock,
  });
  await app.register(users, {
    store: userStore,
    storeTimeoutMs: config.STORE_TIMEOUT_MS,
    passwords,
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    openFailureLimiter: stores.openFailureLimiter,
    failuresPerAddress: config.SIGNIN_FAILURES_PER_ADDRESS,
    failuresPerUser: config.SIGNIN_FAILURES_PER_USER,
    failureWindowSeconds: config.SIGNIN_FAILURE_WINDOW_SECONDS,
    deviceCookie: { secure: https },
    clock,
  });

  // The routes, after the docs that are made from their schemas.
  await app.register(docs, { publicUrl: config.PUBLIC_URL });
  await app.register(signin);
  await app.register(welcome);
  await app.register(refresh);
  await app.register(logout);
  await app.register(session);
  await app.register(mySessions);
  await app.register(password);
  await app.register(health, { ping: () => sessionStore.ping(), timeoutMs: config.STORE_TIMEOUT_MS });
}
