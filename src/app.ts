import { extname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { basePathOf, type Config, ConfigError, parsePaths, parseTrustedOrigins, publicOriginOf } from './config.ts';
import { isHttps } from './fastify-options.ts';
import { isTrustedPeer, parseTrustProxy } from './http/trusted-proxies.ts';
import { type OptionalPackage, requirePackages } from './packages.ts';
import { assets } from './plugins/assets.ts';
import { connections } from './plugins/connections.ts';
import { contentTypeParsers } from './plugins/content-type-parsers.ts';
import { crossOriginGuard } from './plugins/cross-origin-guard.ts';
import { errors } from './plugins/error-handler.ts';
import type { ForwardAuthOptions } from './plugins/forward-auth.ts';
import { login } from './plugins/login.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { forwardAuth } from './routes/forward-auth.ts';
import { health } from './routes/health.ts';
import { loginRoutes } from './routes/login-routes.ts';
import { welcome } from './routes/welcome.ts';
import { DEFAULT_NAMESPACE } from './sessions/session.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { closeStores, openStores, type Stores } from './stores/open-stores.ts';
import { parseStoreUrl } from './stores/store-url.ts';
import { timeBound } from './stores/time-bound.ts';
import type { Clock } from './types.ts';
import { addDemoUsers } from './users/demo-users.ts';
import { WORD_LIST } from './users/password-policy.ts';
import { PasswordHasher } from './users/passwords.ts';
import type { UserStore } from './users/user-store.ts';

export interface ServiceOptions {
  readonly config: Config;
  /** Default: the clock of the session store, and `Date.now` if it has none. */
  readonly clock?: Clock;
  /** Default: the store that `STORE_URL` names. If you pass a store, you must close it. */
  readonly sessionStore?: SessionStore;
  /** Default: the store that `STORE_URL` names; the memory store has the demo users. If you pass a store, you must close it. */
  readonly userStore?: UserStore;
  readonly passwords?: PasswordHasher;
}

/** The service as one plugin, for a Fastify instance that was created with `fastifyOptions`. */
export const service = fp(registerService, { name: 'session-cookie-login/service', fastify: '5.x' });

async function registerService(app: FastifyInstance, options: ServiceOptions): Promise<void> {
  const { config } = options;
  requirePackages('The service', packagesFor(config));
  const { passwords = new PasswordHasher() } = options;
  const https = isHttps(config);
  const trustedOrigins = parseTrustedOrigins(config.TRUSTED_ORIGINS);
  const stores = await openStoresOf(app, options);
  const { sessionStore = stores.sessions, userStore = stores.users } = options;
  if (config.STORE_URL === 'memory:' && options.userStore === undefined) {
    assertDemoUsers(config);
    const users = await addDemoUsers(userStore, passwords);
    app.log.warn({ users }, 'DEMO USERS with public passwords can sign in: do not use this store in production');
  }

  const segments = firstSegmentsOfRoutes(app);

  // For every request, in this order.
  await app.register(connections, { maxConnections: config.MAX_CONNECTIONS });
  await app.register(securityHeaders, { https });
  await app.register(errors);
  if (trustedOrigins.length > 0) {
    const { cors } = await import('./plugins/cors.ts');
    await app.register(cors, { trustedOrigins });
  }
  await app.register(crossOriginGuard, { publicOrigin: publicOriginOf(config), trustedOrigins });
  await app.register(contentTypeParsers);
  await app.register(assets, {
    basePath: basePathOf(config),
    pages: config.PAGES === 'on',
    logo: pathOrNone(config.SITE_LOGO),
    styles: pathOrNone(config.SITE_STYLES),
  });

  // For the routes.
  await app.register(login, {
    ...loginSettings(config),
    stores: { sessions: sessionStore, users: userStore, openFailureCounter: stores.openFailureCounter },
    session: sessionSettings(config),
    deviceCookie: { name: deviceCookieName(config) },
    passwords,
    ...(options.clock && { clock: options.clock }),
  });

  // The docs are generated from the routes that are registered after them.
  if (config.DOCS === 'on') {
    const { docs } = await import('./plugins/docs.ts');
    await app.register(docs, {
      publicUrl: config.PUBLIC_URL,
      basePath: basePathOf(config),
      pages: config.PAGES === 'on',
    });
  }
  if (config.PAGES === 'on') {
    await registerPages(app, config, trustedOrigins);
  }
  await app.register(loginRoutes);
  await app.register(welcome);
  await app.register(forwardAuth, forwardAuthSettings(config));
  await app.register(health, { ping: timeBound(config.STORE_TIMEOUT_MS)(() => sessionStore.ping()) });
  assertBasePathIsFree(config, segments);
}

async function registerPages(app: FastifyInstance, config: Config, trustedOrigins: readonly string[]): Promise<void> {
  const { pages } = await import('./plugins/pages.ts');
  const { pageRoutes } = await import('./routes/pages/page-routes.ts');
  await app.register(pages, {
    name: config.SITE_NAME,
    // As the plugin `assets` names them.
    logo: pathOrNone(config.SITE_LOGO) && `site-logo${extname(config.SITE_LOGO).toLowerCase()}`,
    styles: pathOrNone(config.SITE_STYLES) && 'site-styles.css',
    basePath: basePathOf(config),
    publicOrigin: publicOriginOf(config),
    trustedOrigins,
  });
  await app.register(pageRoutes, { passwordMinLength: config.PASSWORD_MIN_LENGTH });
}

function pathOrNone(setting: string): string | undefined {
  return setting === 'none' ? undefined : setting;
}

/** The optional packages that the service needs with these settings. */
export function packagesFor({ DOCS, PAGES, STORE_URL, TRUSTED_ORIGINS }: Config): OptionalPackage[] {
  const ofEngine = { memory: [], lmdb: ['lmdb'], redis: ['@redis/client'] } as const;
  return [
    '@node-rs/argon2',
    WORD_LIST,
    ...(DOCS === 'on' ? (['@fastify/swagger', '@fastify/swagger-ui'] as const) : []),
    ...(PAGES === 'on' ? (['eta', 'negotiator'] as const) : []),
    ...(parseTrustedOrigins(TRUSTED_ORIGINS).length > 0 ? (['@fastify/cors'] as const) : []),
    ...ofEngine[parseStoreUrl(STORE_URL).engine],
  ];
}

/** The passwords of the demo users are public. They must not appear where a lost `STORE_URL` makes them open the service. */
function assertDemoUsers({ DEMO_USERS, HOST, PUBLIC_URL }: Config): void {
  if (DEMO_USERS === 'off') {
    throw new ConfigError(
      'STORE_URL is memory:, where only the demo users exist. They are off, because everybody knows their passwords and ' +
        `HOST is ${HOST}, PUBLIC_URL is ${PUBLIC_URL}, or NODE_ENV is production. Set STORE_URL, for example to lmdb:./data. ` +
        'To try the service all the same, set DEMO_USERS=on.',
    );
  }
}

/** The first segments of the paths of all routes that are registered from now on. */
function firstSegmentsOfRoutes(app: FastifyInstance): ReadonlySet<string> {
  const segments = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    segments.add(firstSegment(url));
  });
  return segments;
}

function firstSegment(path: string): string {
  return path.split('/', 2)[1] ?? '';
}

/** Behind a proxy that removes the base path, nobody could tell whether the path of a request still has it. */
function assertBasePathIsFree(config: Config, segments: ReadonlySet<string>): void {
  const segment = firstSegment(basePathOf(config));
  if (segment !== '' && segments.has(segment)) {
    throw new ConfigError(
      `PUBLIC_URL is ${config.PUBLIC_URL}: its path must not start with /${segment}, which is a path of the service. ` +
        `Example: PUBLIC_URL=${publicOriginOf(config)}/auth`,
    );
  }
}

async function openStoresOf(app: FastifyInstance, { config, clock }: ServiceOptions): Promise<Stores> {
  const stores = await openStores(config.STORE_URL, {
    timeoutMs: config.STORE_TIMEOUT_MS,
    keyPrefix: config.REDIS_KEY_PREFIX,
    maxSessions: config.MAX_SESSIONS,
    ...(clock && { clock }),
    log: app.log,
  });
  app.addHook('onClose', () => closeStores(stores));
  return stores;
}

function sessionSettings(config: Config) {
  const { COOKIE_NAME: name, COOKIE_DOMAIN: domain } = config;
  return {
    cookie: { name, secure: isHttps(config), ...(domain !== 'none' && { domain }) },
    // Of all names of the cookie: the command line ends sessions of this namespace.
    namespace: DEFAULT_NAMESPACE,
    idleSeconds: config.SESSION_IDLE_SECONDS,
    maxSeconds: config.SESSION_MAX_SECONDS,
    renewal: config.SESSION_RENEWAL,
    maxPerUser: config.SESSIONS_PER_USER,
    freshSeconds: config.FRESH_SECONDS,
    reuseWindowSeconds: config.REUSE_WINDOW_SECONDS,
  };
}

/** Two services on one host have cookies of different names. */
function deviceCookieName({ COOKIE_NAME }: Config): string {
  return COOKIE_NAME === 'session_token' ? 'device_token' : `${COOKIE_NAME}_device`;
}

function forwardAuthSettings(config: Config): ForwardAuthOptions {
  const trustProxy = parseTrustProxy(config.TRUST_PROXY);
  const { hostname: ownHost } = new URL(config.PUBLIC_URL);
  return {
    isTrustedProxy: (address) => isTrustedPeer(trustProxy, address),
    trustedOrigins: parseTrustedOrigins(config.TRUSTED_ORIGINS),
    csrf: config.FORWARD_AUTH_CSRF === 'on',
    csrfExempt: parsePaths(config.FORWARD_AUTH_CSRF_EXEMPT),
    hostHasCookie: (host) => host === ownHost || `.${host}`.endsWith(`.${config.COOKIE_DOMAIN}`),
  };
}

function loginSettings(config: Config) {
  return {
    storeTimeoutMs: config.STORE_TIMEOUT_MS,
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    failuresPerAddress: config.SIGNIN_FAILURES_PER_ADDRESS,
    failuresPerUser: config.SIGNIN_FAILURES_PER_USER,
    failureWindowSeconds: config.SIGNIN_FAILURE_WINDOW_SECONDS,
  };
}
