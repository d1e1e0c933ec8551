import { FormatRegistry, Type } from '@sinclair/typebox';
import { formats } from './config-formats.ts';
import { settings, wholeNumber } from './settings.ts';
import { STORE_URL_FORMS } from './stores/store-url.ts';

for (const [name, accepts] of Object.entries(formats)) {
  FormatRegistry.Set(name, accepts);
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/**
 * The environment variables that the service reads, in the order of `.env.example`. A description completes the
 * sentence "NAME must be …".
 */
export const Environment = Type.Object({
  HOST: Type.String({
    // Not a URL, which may hold a password: the message of a failed start has the value.
    pattern: '^[^@/]+$',
    default: 'localhost',
    description: 'a host name or address to listen on',
  }),
  PORT: wholeNumber('a port number', 0, 65_535, 8080, ', where 0 takes any free port'),
  LISTEN: Type.String({
    pattern: '^(tcp|systemd|unix:.+)$',
    default: 'tcp',
    description: 'tcp for HOST and PORT, unix: and the path of a socket, or systemd for the socket that systemd passes',
  }),
  PUBLIC_URL: Type.String({
    format: 'public-url',
    description: 'the http or https URL that browsers use: an origin, and a path if a proxy has the service below one',
    examples: ['https://example.com/login'],
  }),
  TRUSTED_ORIGINS: Type.String({
    format: 'trusted-origins',
    default: 'none',
    description:
      'none, or a list of http and https origins without a path, such as https://app.example.com or https://*.example.com, and no pattern for a public suffix such as *.co.uk or a single word such as *.lan',
  }),
  COOKIE_NAME: Type.String({
    pattern: `^(?!.*device)${settings.cookieName.pattern?.slice(1)}`,
    maxLength: 64,
    default: 'session_token',
    description:
      'an HTTP token of at most 64 characters without a prefix such as __Host-, and without the word device, which the name of the other cookie has',
  }),
  COOKIE_DOMAIN: Type.String({
    format: 'cookie-domain',
    default: 'none',
    description:
      'none, or a domain of yours in lower-case ASCII letters, such as example.com, and no public suffix such as co.uk',
  }),
  STORE_URL: Type.String({ format: 'store-url', default: 'memory:', description: STORE_URL_FORMS }),
  STORE_URL_FILE: Type.String({
    minLength: 1,
    default: 'none',
    description: 'none, or the path of a file that holds the value of STORE_URL',
  }),
  DEMO_USERS: onOrOff(),
  STORE_TIMEOUT_MS: settings.storeTimeoutMs,
  REDIS_KEY_PREFIX: settings.keyPrefix,
  REDIS_WAIT_REPLICAS: settings.waitReplicas,
  SESSION_IDLE_SECONDS: settings.idleSeconds,
  SESSION_MAX_SECONDS: settings.maxSeconds,
  SESSION_RENEWAL: settings.renewal,
  SESSIONS_PER_USER: settings.maxPerUser,
  FRESH_SECONDS: settings.freshSeconds,
  REUSE_WINDOW_SECONDS: settings.reuseWindowSeconds,
  DEVICE_BOUND_SESSIONS: onOrOff(),
  BOUND_IDLE_SECONDS: settings.boundIdleSeconds,
  SIGNIN_FAILURES_PER_ADDRESS: settings.failuresPerAddress,
  SIGNIN_FAILURES_PER_USER: settings.failuresPerUser,
  SIGNIN_FAILURE_WINDOW_SECONDS: settings.failureWindowSeconds,
  MAX_SESSIONS: settings.maxSessions,
  PASSWORD_MIN_LENGTH: settings.passwordMinLength,
  MAX_CONNECTIONS: wholeNumber('a whole number', 10, 1_000_000, 10_000),
  DRAIN_SECONDS: wholeNumber('a whole number of seconds', 0, 3600, 2),
  DOCS: onOrOff('on'),
  PAGES: onOrOff('on'),
  SITE_NAME: Type.String({
    format: 'site-name',
    default: 'Session-cookie login',
    description: 'a name with 1 to 60 printable characters',
  }),
  SITE_LOGO: Type.String({
    format: 'logo-file',
    default: 'none',
    description: 'none, or the path of an image of at most 256 KiB (.svg, .png, .webp, .jpg, .gif or .ico)',
  }),
  SITE_STYLES: Type.String({
    format: 'styles-file',
    default: 'none',
    description: 'none, or the path of a CSS file of at most 64 KiB (.css)',
  }),
  TRUST_PROXY: Type.String({
    format: 'trusted-proxies',
    default: 'off',
    description:
      'off, on, or a list of proxies: addresses, subnets, loopback, linklocal, uniquelocal, unix. An IPv4 address has four decimal numbers without leading zeros. A subnet that holds every address, such as 0.0.0.0/0, is refused',
  }),
  FORWARD_AUTH_CSRF: onOrOff('on'),
  FORWARD_AUTH_CSRF_EXEMPT: Type.String({
    format: 'path-list',
    default: 'none',
    description: 'none, or a list of paths, such as /callback or /hooks/* for all paths below /hooks/',
  }),
  LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    { default: 'info', description: 'fatal, error, warn, info, debug, trace or silent' },
  ),
  LOG_TIME: Type.Union([Type.Literal('epoch'), Type.Literal('iso')], {
    default: 'epoch',
    description: 'epoch (milliseconds of Unix time) or iso (ISO 8601, UTC)',
  }),
  METRICS: Type.String({
    format: 'metrics-address',
    default: 'off',
    description: 'off, or where metrics are served: a port, or an address and a port, such as 127.0.0.1:9464',
  }),
});

function onOrOff(defaultValue?: 'on' | 'off') {
  const options = { description: 'on or off', examples: ['on'], ...(defaultValue && { default: defaultValue }) };
  return Type.Union([Type.Literal('on'), Type.Literal('off')], options);
}
