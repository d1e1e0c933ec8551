import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import proxyAddr from '@fastify/proxy-addr';
import { FormatRegistry, type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { SESSION_DEFAULTS } from './sessions/defaults.ts';
import { STORE_DEFAULTS } from './stores/defaults.ts';
import { parseStoreUrl, STORE_URL_FORMS, withoutSecrets } from './stores/store-url.ts';
import { USER_DEFAULTS } from './users/defaults.ts';

FormatRegistry.Set('origin', isOrigin);
FormatRegistry.Set('trusted-proxies', accepts(parseTrustProxy));
FormatRegistry.Set('store-url', accepts(parseStoreUrl));

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
/** 400 days, the longest lifetime of a cookie (RFC 6265bis, section 5.5). */
const MAX_COOKIE_SECONDS = 34_560_000;
const COOKIE_NOTE = '(400 days, the longest lifetime of a cookie)';

/**
 * The environment variables that the service reads, in the order of `.env.example`. A description completes the
 * sentence "NAME must be …".
 */
export const Environment = Type.Object({
  HOST: Type.String({
    minLength: 1,
    default: 'localhost',
    description: 'a host name or address to listen on',
  }),
  PORT: integer('a port number', 0, 65_535, 8080, ', where 0 takes any free port'),
  PUBLIC_URL: Type.String({
    format: 'origin',
    description: 'the http or https origin that browsers use, without a path',
    examples: ['https://login.example.com'],
  }),
  STORE_URL: Type.String({ format: 'store-url', default: 'memory:', description: STORE_URL_FORMS }),
  STORE_TIMEOUT_MS: integer('a whole number of milliseconds', 10, 60_000, STORE_DEFAULTS.timeoutMs),
  REDIS_KEY_PREFIX: Type.String({
    pattern: '^[\\x21-\\x7e]{1,64}$',
    default: STORE_DEFAULTS.keyPrefix,
    description: '1 to 64 printable ASCII characters without spaces',
  }),
  SESSION_IDLE_SECONDS: seconds(MAX_COOKIE_SECONDS, SESSION_DEFAULTS.idleSeconds, ` ${COOKIE_NOTE}`),
  SESSION_MAX_SECONDS: seconds(MAX_COOKIE_SECONDS, SESSION_DEFAULTS.maxSeconds, ` ${COOKIE_NOTE}`),
  SESSIONS_PER_USER: integer('a whole number', 1, 10_000, SESSION_DEFAULTS.maxPerUser),
  FRESH_SECONDS: seconds(MAX_COOKIE_SECONDS, SESSION_DEFAULTS.freshSeconds),
  REUSE_WINDOW_SECONDS: seconds(3600, SESSION_DEFAULTS.reuseWindowSeconds),
  SIGNIN_FAILURES_PER_ADDRESS: integer('a whole number', 1, 1_000_000, USER_DEFAULTS.failuresPerAddress),
  SIGNIN_FAILURES_PER_USER: integer('a whole number', 1, 1_000_000, USER_DEFAULTS.failuresPerUser),
  SIGNIN_FAILURE_WINDOW_SECONDS: seconds(604_800, USER_DEFAULTS.failureWindowSeconds, ' (a week)'),
  MAX_SESSIONS: integer('a whole number', 1, 16_000_000, STORE_DEFAULTS.maxSessions),
  PASSWORD_MIN_LENGTH: integer('a whole number of characters', 8, 256, USER_DEFAULTS.passwordMinLength),
  TRUST_PROXY: Type.String({
    format: 'trusted-proxies',
    default: 'off',
    description: 'off, on, or a list of proxies: addresses, subnets, loopback, linklocal, uniquelocal',
  }),
  LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    { default: 'info', description: 'fatal, error, warn, info, debug, trace or silent' },
  ),
});

export type Config = Readonly<Static<typeof Environment>>;

/** Invalid settings. The message has one line for each: its name, its value, what is allowed, and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the configuration from the environment and from `.env` in the working directory. The environment wins. */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  return parseConfig({ ...parseEnv(readIfExists('.env')), ...env });
}

/**
 * Parses the configuration from environment variables. An empty variable counts as not set.
 * @throws ConfigError
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(Environment.properties)
      .filter(([name]) => env[name])
      .map(([name, schema]) => [name, parseVariable(schema, env[name])]),
  );
  const { PORT } = Environment.properties;
  const port = Value.Check(PORT, given.PORT) ? given.PORT : PORT.default;
  const config = Value.Default(Environment, { PUBLIC_URL: `http://localhost:${port}`, ...given });
  if (!Value.Check(Environment, config)) {
    throw new ConfigError(describeErrors(config));
  }
  return Object.freeze({ ...config, PUBLIC_URL: new URL(config.PUBLIC_URL).origin });
}

/**
 * Converts a `TRUST_PROXY` to the value of Fastify's `trustProxy` option.
 * @throws TypeError if it is neither a switch nor a list of addresses.
 */
export function parseTrustProxy(text: string): boolean | string {
  if (/^(on|off|true|false)$/.test(text)) {
    return text === 'on' || text === 'true';
  }
  if (isWholeNumber(text)) {
    // proxy-addr would accept it as an IPv4 address. A number of hops, which Fastify allows, is not safe: a client that
    // bypasses the proxy could forge that many entries of X-Forwarded-For.
    throw new TypeError('a number of hops is not a list of proxies');
  }
  proxyAddr.compile(text.split(',').map((entry) => entry.trim()));
  return text;
}

/** The schema of a whole number. The description follows from the bounds. */
function integer(what: string, minimum: number, maximum: number, defaultValue: number, note = '') {
  const description = `${what} from ${minimum} to ${maximum}${note}`;
  return Type.Integer({ minimum, maximum, default: defaultValue, description });
}

function seconds(maximum: number, defaultValue: number, note = '') {
  return integer('a whole number of seconds', 1, maximum, defaultValue, note);
}

function accepts(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

function readIfExists(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return '';
    }
    throw error;
  }
}

function parseVariable(schema: TSchema, text = ''): string | number {
  return schema.type === 'integer' && isWholeNumber(text) ? Number(text) : text;
}

function isWholeNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}

function describeErrors(config: unknown): string {
  const invalid = new Map([...Value.Errors(Environment, config)].map((error) => [error.path.slice(1), error]));
  return [...invalid]
    .map(([name, { schema, value }]) => {
      const example = schema.default ?? schema.examples?.[0];
      return `${name} is "${withoutSecrets(String(value))}": it must be ${schema.description}. Example: ${name}=${example}`;
    })
    .join('\n');
}
