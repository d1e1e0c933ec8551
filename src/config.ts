import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import proxyAddr from '@fastify/proxy-addr';
import { FormatRegistry, type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { parseStoreUrl, STORE_URL_FORMS, withoutSecrets } from './stores/store-url.ts';

FormatRegistry.Set('origin', isOrigin);
FormatRegistry.Set('trusted-proxies', takenBy(parseTrustProxy));
FormatRegistry.Set('store-url', takenBy(parseStoreUrl));

/**
 * The environment the service reads, in the order of `.env.example`. A description completes the sentence
 * "NAME must be …".
 */
export const Environment = Type.Object({
  HOST: Type.String({
    minLength: 1,
    default: 'localhost',
    description: 'a host name or address to listen on',
  }),
  PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8080,
    description: 'a port number from 0 to 65535, where 0 takes any free port',
  }),
  PUBLIC_URL: Type.String({
    format: 'origin',
    description: 'the http or https origin that browsers use, without a path',
    examples: ['https://login.example.com'],
  }),
  STORE_URL: Type.String({ format: 'store-url', default: 'memory:', description: STORE_URL_FORMS }),
  STORE_TIMEOUT_MS: Type.Integer({
    minimum: 10,
    maximum: 60_000,
    default: 500,
    description: 'a whole number of milliseconds from 10 to 60000',
  }),
  REDIS_KEY_PREFIX: Type.String({
    pattern: '^[\\x21-\\x7e]{1,64}$',
    default: 'login:',
    description: '1 to 64 printable characters of ASCII without spaces',
  }),
  SESSION_IDLE_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 34_560_000,
    default: 120,
    description: 'a whole number of seconds from 1 to 34560000 (400 days, the longest life of a cookie)',
  }),
  SESSION_MAX_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 34_560_000,
    default: 43_200,
    description: 'a whole number of seconds from 1 to 34560000 (400 days, the longest life of a cookie)',
  }),
  SESSIONS_PER_USER: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 20,
    description: 'a whole number from 1 to 10000',
  }),
  FRESH_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 34_560_000,
    default: 300,
    description: 'a whole number of seconds from 1 to 34560000',
  }),
  REUSE_WINDOW_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 3600,
    default: 10,
    description: 'a whole number of seconds from 1 to 3600',
  }),
  SIGNIN_FAILURES_PER_ADDRESS: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 20,
    description: 'a whole number from 1 to 1000000',
  }),
  SIGNIN_FAILURES_PER_USER: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 10,
    description: 'a whole number from 1 to 1000000',
  }),
  SIGNIN_FAILURE_WINDOW_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 900,
    description: 'a whole number of seconds from 1 to 604800 (a week)',
  }),
  MAX_SESSIONS: Type.Integer({
    minimum: 1,
    maximum: 16_000_000,
    default: 1_000_000,
    description: 'a whole number from 1 to 16000000',
  }),
  PASSWORD_MIN_LENGTH: Type.Integer({
    minimum: 8,
    maximum: 256,
    default: 15,
    description: 'a whole number of characters from 8 to 256',
  }),
  TRUST_PROXY: Type.String({
    format: 'trusted-proxies',
    default: 'off',
    description: 'off, on, or a list of proxies: addresses, subnets, loopback, linklocal, uniquelocal',
    examples: ['127.0.0.1,10.0.0.0/8'],
  }),
  LOG_LEVEL: Type.Union(
    (['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const).map((level) =>
      Type.Literal(level),
    ),
    { default: 'info', description: 'fatal, error, warn, info, debug, trace or silent' },
  ),
});

export type Config = Readonly<Static<typeof Environment>>;

/** A wrong environment. The message names each wrong variable, what it is and what would do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The configuration that `.env` in the working directory, if there is one, and above it the environment spell. */
export function loadConfig(): Config {
  return parseConfig({ ...parseEnv(readIfThere('.env')), ...process.env });
}

/**
 * The configuration that an environment spells. An empty variable counts as not set.
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
    throw new ConfigError(complaints(config));
  }
  return Object.freeze({ ...config, PUBLIC_URL: new URL(config.PUBLIC_URL).origin });
}

/**
 * What Fastify's `trustProxy` takes for a `TRUST_PROXY`.
 * @throws TypeError when it is neither a switch nor a list of addresses.
 */
export function parseTrustProxy(text: string): boolean | string {
  if (/^(on|off|true|false)$/.test(text)) {
    return text === 'on' || text === 'true';
  }
  if (isWholeNumber(text)) {
    // It would pass for an address, but is meant as a count of hops, which Fastify trusts no more: whoever reaches
    // the service past the proxy could make up as many as it takes.
    throw new TypeError('a number of hops is no list of proxies');
  }
  proxyAddr.compile(text.split(',').map((entry) => entry.trim()));
  return text;
}

function takenBy(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

function readIfThere(path: string): string {
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

function complaints(config: unknown): string {
  const wrong = new Map(
    [...Value.Errors(Environment, config)].map(({ path, schema, value }) => [path, { schema, value }]),
  );
  return [...wrong]
    .map(([path, { schema, value }]) => {
      const example = schema.default ?? schema.examples?.[0];
      return `${path.slice(1)} is "${withoutSecrets(String(value))}": it must be ${schema.description}. Example: ${path.slice(1)}=${example}`;
    })
    .join('\n');
}
