import { basePathOf, type Config, isHttps } from './config.ts';
import { parsePaths, parseTrustedOrigins } from './config-formats.ts';
import { parseTrustProxy, trustedPeers } from './http/trusted-proxies.ts';
import type { OptionalPackage } from './packages.ts';
import type { ForwardAuthOptions } from './plugins/target-guard.ts';
import { DEFAULT_NAMESPACE } from './sessions/session.ts';
import { parseStoreUrl } from './stores/store-url.ts';
import { WORD_LIST } from './users/password-policy.ts';

// Converts settings to the options of plugins.

/** A setting that may be `none`. */
export function valueOrNone(setting: string): string | undefined {
  return setting === 'none' ? undefined : setting;
}

/** The optional packages that the service needs with these settings. */
export function packagesFor({ DOCS, METRICS, PAGES, STORE_URL, TRUSTED_ORIGINS }: Config): OptionalPackage[] {
  const ofEngine = { memory: [], lmdb: ['lmdb'], redis: ['@redis/client'] } as const;
  return [
    '@node-rs/argon2',
    WORD_LIST,
    ...(DOCS === 'on' ? (['@fastify/swagger', '@fastify/swagger-ui'] as const) : []),
    ...(PAGES === 'on' ? (['eta', 'negotiator'] as const) : []),
    ...(parseTrustedOrigins(TRUSTED_ORIGINS).length > 0 ? (['@fastify/cors'] as const) : []),
    ...(METRICS === 'off' ? [] : (['prom-client'] as const)),
    ...ofEngine[parseStoreUrl(STORE_URL).engine],
  ];
}

function sessionSettings(config: Config) {
  const domain = valueOrNone(config.COOKIE_DOMAIN);
  return {
    cookie: { name: config.COOKIE_NAME, secure: isHttps(config), ...(domain && { domain }) },
    // The same with every `COOKIE_NAME`, because the command line ends sessions of this namespace.
    namespace: DEFAULT_NAMESPACE,
    idleSeconds: config.SESSION_IDLE_SECONDS,
    maxSeconds: config.SESSION_MAX_SECONDS,
    renewal: config.SESSION_RENEWAL,
    maxPerUser: config.SESSIONS_PER_USER,
    freshSeconds: config.FRESH_SECONDS,
    reuseWindowSeconds: config.REUSE_WINDOW_SECONDS,
    deviceBound: config.DEVICE_BOUND_SESSIONS === 'on' && deviceBoundSettings(config),
    boundIdleSeconds: config.BOUND_IDLE_SECONDS,
  };
}

/**
 * Requests from pages of trusted origins wait while the browser refreshes the cookie. The origins of other sites are left out:
 * their requests have no cookie, so the browser would have to sign each time, which it may do only six times in nine minutes.
 */
function deviceBoundSettings(config: Config) {
  const site = siteOf(config.PUBLIC_URL);
  return {
    refreshPath: `${basePathOf(config)}/refresh`,
    allowedInitiators: parseTrustedOrigins(config.TRUSTED_ORIGINS).filter((origin) => siteOf(origin) === site),
  };
}

/** The site of a URL. Without the list of public suffixes, two sites below one such as co.uk look the same. */
function siteOf(url: string): string {
  return new URL(url).hostname.split('.').slice(-2).join('.');
}

/** Two services on one host have cookies of different names. */
function deviceCookieName({ COOKIE_NAME }: Config): string {
  return COOKIE_NAME === 'session_token' ? 'device_token' : `${COOKIE_NAME}_device`;
}

export function forwardAuthSettings(config: Config): ForwardAuthOptions {
  const own = new URL(config.PUBLIC_URL);
  return {
    isTrustedProxy: trustedPeers(parseTrustProxy(config.TRUST_PROXY)),
    publicUrl: config.PUBLIC_URL,
    trustedOrigins: parseTrustedOrigins(config.TRUSTED_ORIGINS),
    csrf: config.FORWARD_AUTH_CSRF === 'on',
    csrfExempt: parsePaths(config.FORWARD_AUTH_CSRF_EXEMPT),
    receivesCookie: ({ protocol, hostname }) =>
      protocol === own.protocol && (hostname === own.hostname || `.${hostname}`.endsWith(`.${config.COOKIE_DOMAIN}`)),
  };
}

export function loginSettings(config: Config) {
  return {
    session: sessionSettings(config),
    deviceCookie: { name: deviceCookieName(config) },
    storeTimeoutMs: config.STORE_TIMEOUT_MS,
    passwordMinLength: config.PASSWORD_MIN_LENGTH,
    failuresPerAddress: config.SIGNIN_FAILURES_PER_ADDRESS,
    failuresPerUser: config.SIGNIN_FAILURES_PER_USER,
    failureWindowSeconds: config.SIGNIN_FAILURE_WINDOW_SECONDS,
  };
}
