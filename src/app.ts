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
import { logout } from './routes/logout.ts';
import { refresh } from './routes/refresh.ts';
import { signin } from './routes/signin.ts';
import { welcome } from './routes/welcome.ts';
import type { Clock } from './sessions/record.ts';
import { MemorySessionStore } from './stores/memory/session-store.ts';
import { MemoryUserStore } from './stores/memory/user-store.ts';
import type { SessionStore } from './stores/session-store.ts';
import type { UserStore } from './stores/user-store.ts';
import { PasswordHasher } from './users/passwords.ts';

/** How long a store may take to answer before it counts as failed. */
const STORE_TIMEOUT_MS = 500;

export interface ServiceOptions {
  readonly config: Config;
  /** Default `Date.now`. */
  readonly clock?: Clock;
  /** Default: the store that `STORE_URL` names. */
  readonly sessionStore?: SessionStore;
  /** Default: a store in memory with the demo users. */
  readonly userStore?: UserStore;
  readonly passwords?: PasswordHasher;
}

/** The whole service as one plugin, for a Fastify instance made with `fastifyOptions`. */
export const service = fp(registerService, { name: 'service', fastify: '5.x' });

async function registerService(app: FastifyInstance, options: ServiceOptions): Promise<void> {
  const { config, clock = Date.now, passwords = new PasswordHasher() } = options;
  const https = isHttps(config);
  const sessionStore =
    options.sessionStore ?? new MemorySessionStore({ maxSessions: config.MAX_SESSIONS, clock });
  app.addHook('onClose', async () => sessionStore.close());

  // What every request meets, in this order.
  await app.register(errors);
  await app.register(gracefulClose);
  await app.register(securityHeaders, { https });
  await app.register(crossOriginGuard, { publicOrigin: config.PUBLIC_URL });
  await app.register(bodies);

  // What the routes use.
  await app.register(users, {
    store: options.userStore ?? new MemoryUserStore(),
    storeTimeoutMs: STORE_TIMEOUT_MS,
    passwords,
    demo: options.userStore === undefined,
  });
  await app.register(sessions, {
    store: sessionStore,
    storeTimeoutMs: STORE_TIMEOUT_MS,
    idleSeconds: config.SESSION_IDLE_SECONDS,
    maxSeconds: config.SESSION_MAX_SECONDS,
    cookie: { secure: https },
    clock,
  });

  // The routes, after the docs that are made from their schemas.
  await app.register(docs, { publicUrl: config.PUBLIC_URL });
  await app.register(signin);
  await app.register(welcome);
  await app.register(refresh);
  await app.register(logout);
}
