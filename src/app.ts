import { extname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { forwardAuthSettings, loginSettings, packagesFor, valueOrNone } from './app-options.ts';
import { basePathOf, type Config, isHttps, publicOriginOf } from './config.ts';
import { ConfigError } from './config-files.ts';
import { parseTrustedOrigins } from './config-formats.ts';
import { logRequestsAtDebug, provideLog } from './http/logging.ts';
import { requirePackages } from './packages.ts';
import { assets } from './plugins/assets.ts';
import { connections } from './plugins/connections.ts';
import { contentTypeParsers } from './plugins/content-type-parsers.ts';
import { crossOriginGuard } from './plugins/cross-origin-guard.ts';
import { errors } from './plugins/error-handler.ts';
import { login } from './plugins/login.ts';
import { replyHeaders } from './plugins/reply-headers.ts';
import { forwardAuth } from './routes/forward-auth.ts';
import { health } from './routes/health.ts';
import { loginRoutes } from './routes/login-routes.ts';
import { welcome } from './routes/welcome.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { openStores } from './stores/open-stores.ts';
import { parseStoreUrl } from './stores/store-url.ts';
import { closeStores, type Stores } from './stores/stores.ts';
import type { Clock } from './types.ts';
import { addDemoUsers } from './users/demo-users.ts';
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
  provideLog(app, config);
  logRequestsAtDebug(app);
  requirePackages('The service', packagesFor(config));
  const { passwords = new PasswordHasher() } = options;
  const trustedOrigins = parseTrustedOrigins(config.TRUSTED_ORIGINS);
  const stores = await openStoresOf(app, options);
  const { sessionStore = stores.sessions, userStore = stores.users } = options;
  if (config.STORE_URL === 'memory:' && options.userStore === undefined) {
    assertDemoUsers(config);
    const users = await addDemoUsers(userStore, passwords);
    app.log.warn({ users }, 'DEMO USERS with public passwords can sign in: do not use this store in production');
  }

  const segments = firstSegmentsOfRoutes(app);

  if (config.METRICS !== 'off') {
    const { metrics } = await import('./metrics/plugin.ts');
    const hasNearCache = parseStoreUrl(config.STORE_URL).engine === 'redis' && options.sessionStore === undefined;
    await app.register(metrics, { passwords, hasNearCache, sessions: () => sizeOf(sessionStore) });
  }

  await registerForEveryRequest(app, config, trustedOrigins);
  await app.register(login, {
    ...loginSettings(config),
    stores: { sessions: sessionStore, users: userStore, openFailureCounter: stores.openFailureCounter },
    passwords,
    ...(options.clock && { clock: options.clock }),
  });

  await registerRoutes(app, config, trustedOrigins);
  await app.register(health);
  assertBasePathIsFree(config, segments);
}

/** The order matters: each plugin applies to what comes after it. */
async function registerForEveryRequest(
  app: FastifyInstance,
  config: Config,
  trustedOrigins: readonly string[],
): Promise<void> {
  await app.register(connections, { maxConnections: config.MAX_CONNECTIONS });
  await app.register(replyHeaders, { https: isHttps(config) });
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
    logo: valueOrNone(config.SITE_LOGO),
    styles: valueOrNone(config.SITE_STYLES),
  });
}

async function registerRoutes(app: FastifyInstance, config: Config, trustedOrigins: readonly string[]): Promise<void> {
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
}

async function registerPages(app: FastifyInstance, config: Config, trustedOrigins: readonly string[]): Promise<void> {
  const { pages } = await import('./plugins/pages.ts');
  const { pageRoutes } = await import('./routes/pages/page-routes.ts');
  await app.register(pages, {
    name: config.SITE_NAME,
    // As the plugin `assets` names them.
    logo: valueOrNone(config.SITE_LOGO) && `site-logo${extname(config.SITE_LOGO).toLowerCase()}`,
    styles: valueOrNone(config.SITE_STYLES) && 'site-styles.css',
    basePath: basePathOf(config),
    publicOrigin: publicOriginOf(config),
    trustedOrigins,
  });
  await app.register(pageRoutes, {
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    deviceBound: config.DEVICE_BOUND_SESSIONS === 'on',
  });
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

/** The number of sessions, if the store has a property for it. */
function sizeOf(store: SessionStore): number | undefined {
  return 'size' in store && typeof store.size === 'number' ? store.size : undefined;
}

async function openStoresOf(app: FastifyInstance, { config, clock }: ServiceOptions): Promise<Stores> {
  const stores = await openStores(config.STORE_URL, {
    timeoutMs: config.STORE_TIMEOUT_MS,
    keyPrefix: config.REDIS_KEY_PREFIX,
    waitReplicas: config.REDIS_WAIT_REPLICAS,
    maxSessions: config.MAX_SESSIONS,
    ...(clock && { clock }),
    log: app.log,
  });
  app.addHook('onClose', () => closeStores(stores));
  return stores;
}
