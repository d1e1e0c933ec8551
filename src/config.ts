import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import ipaddr from 'ipaddr.js';
import { ConfigError, onlyScheme, readEnvFile, readStoreUrlFile } from './config-files.ts';
import { parseMetrics } from './config-formats.ts';
import { Environment } from './config-schema.ts';
import { parseTrustProxy, trustedPeers } from './http/trusted-proxies.ts';

export type Config = Readonly<Static<typeof Environment>>;

/**
 * Reads the configuration from the environment and from `.env`. The environment wins. An empty variable counts as not set.
 * @throws ConfigError if a setting or the file is invalid.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.entries(env).filter(([, value]) => value);
  return parseConfig({ ...readEnvFile(), ...Object.fromEntries(given) });
}

/**
 * Parses the configuration from environment variables. An empty variable counts as not set.
 * @throws ConfigError
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const variables = { ...env, ...readStoreUrlFile(env) };
  const given = Object.fromEntries(
    Object.entries(Environment.properties)
      .filter(([name]) => variables[name])
      .map(([name, schema]) => [name, parseVariable(schema, variables[name])]),
  );
  const { PORT } = Environment.properties;
  const port = Value.Check(PORT, given.PORT) ? given.PORT : PORT.default;
  const PUBLIC_URL = `http://localhost:${port}`;
  const config = Value.Default(Environment, { PUBLIC_URL, DEMO_USERS: 'off', DEVICE_BOUND_SESSIONS: 'off', ...given });
  if (!Value.Check(Environment, config)) {
    throw new ConfigError(describeErrors(config));
  }
  assertCookieDomain(config);
  assertDeviceBoundSessions(config);
  assertMetrics(config);
  assertListen(config);
  return Object.freeze({
    ...config,
    ...(given.DEMO_USERS === undefined && isForTrying(config, env.NODE_ENV) && { DEMO_USERS: 'on' }),
    ...(given.DEVICE_BOUND_SESSIONS === undefined && canBindSessions(config) && { DEVICE_BOUND_SESSIONS: 'on' }),
    PUBLIC_URL: new URL(config.PUBLIC_URL).href.replace(/\/$/, ''),
  });
}

/** The origin of `PUBLIC_URL`. */
export function publicOriginOf({ PUBLIC_URL }: Config): string {
  return new URL(PUBLIC_URL).origin;
}

/** The path of `PUBLIC_URL`, such as `/login`, without a slash at the end. Empty if there is none. */
export function basePathOf({ PUBLIC_URL }: Config): string {
  return new URL(PUBLIC_URL).pathname.replace(/\/$/, '');
}

/** Whether browsers reach the service over HTTPS. */
export function isHttps({ PUBLIC_URL }: Config): boolean {
  return new URL(PUBLIC_URL).protocol === 'https:';
}

/** Whether only this machine can reach the service, as far as the settings tell. */
function isForTrying(config: Config, nodeEnv: string | undefined): boolean {
  const { HOST, LISTEN } = config;
  const isLoopback = HOST === 'localhost' || (ipaddr.isValid(HOST) && ipaddr.process(HOST).range() === 'loopback');
  return LISTEN === 'tcp' && isLoopback && !isHttps(config) && nodeEnv !== 'production';
}

/** @throws ConfigError if browsers would reject the cookie. */
function assertCookieDomain(config: Config): void {
  const { COOKIE_DOMAIN, PUBLIC_URL } = config;
  const { hostname } = new URL(PUBLIC_URL);
  if (COOKIE_DOMAIN !== 'none' && (!isHttps(config) || !`.${hostname}`.endsWith(`.${COOKIE_DOMAIN}`))) {
    throw new ConfigError(
      `COOKIE_DOMAIN is "${COOKIE_DOMAIN}" and PUBLIC_URL is "${PUBLIC_URL}": PUBLIC_URL must be an https URL of this domain or of a host below it. ` +
        'Example: COOKIE_DOMAIN=example.com PUBLIC_URL=https://login.example.com',
    );
  }
}

/** Browsers bind sessions only over HTTPS, and refresh the cookie only for requests to the host of the service. */
function canBindSessions(config: Config): boolean {
  return config.COOKIE_DOMAIN === 'none' && isHttps(config);
}

/** @throws ConfigError if device-bound sessions are on and browsers could not keep the user signed in. */
function assertDeviceBoundSessions(config: Config): void {
  const { DEVICE_BOUND_SESSIONS, COOKIE_DOMAIN, PUBLIC_URL } = config;
  if (DEVICE_BOUND_SESSIONS === 'on' && !canBindSessions(config)) {
    const problem =
      COOKIE_DOMAIN === 'none'
        ? `PUBLIC_URL is "${PUBLIC_URL}": PUBLIC_URL must be an https URL, because browsers bind sessions only over HTTPS.`
        : `COOKIE_DOMAIN is "${COOKIE_DOMAIN}": COOKIE_DOMAIN must be none, because browsers refresh the cookie only for the host of PUBLIC_URL. Apps on other hosts would lose it after two minutes.`;
    throw new ConfigError(
      `DEVICE_BOUND_SESSIONS is "on" and ${problem} ` +
        'Example: DEVICE_BOUND_SESSIONS=on COOKIE_DOMAIN=none PUBLIC_URL=https://login.example.com',
    );
  }
}

/**
 * Clients that share an address share its limits: behind a Unix socket without a trusted proxy, that would be all clients.
 * @throws ConfigError
 */
function assertListen({ LISTEN, TRUST_PROXY }: Config): void {
  if (LISTEN.startsWith('unix:') && !trustedPeers(parseTrustProxy(TRUST_PROXY))(undefined)) {
    throw new ConfigError(
      `LISTEN is "${LISTEN}" and TRUST_PROXY is "${TRUST_PROXY}": behind a Unix socket the address of a client is known from the proxy only. ` +
        'Example: TRUST_PROXY=unix',
    );
  }
}

/** @throws ConfigError if the metrics have the port of the service. */
function assertMetrics({ METRICS, LISTEN, PORT }: Config): void {
  if (LISTEN === 'tcp' && PORT !== 0 && parseMetrics(METRICS)?.port === PORT) {
    throw new ConfigError(`METRICS is "${METRICS}" and PORT is ${PORT}: the ports must differ. Example: METRICS=9464`);
  }
}

function parseVariable(schema: TSchema, text = ''): string | number {
  return schema.type === 'integer' && isWholeNumber(text) ? Number(text) : text;
}

function isWholeNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function describeErrors(config: unknown): string {
  const invalid = new Map([...Value.Errors(Environment, config)].map((error) => [error.path.slice(1), error]));
  return [...invalid]
    .map(([name, { schema, value }]) => {
      const example = schema.default ?? schema.examples?.[0];
      return `${name} is "${withoutSecrets(name, String(value))}": it must be ${schema.description}. Example: ${name}=${example}`;
    })
    .join('\n');
}

/** The URL of a store may be the value of another setting by mistake. That of Sentinels has a password in its query. */
function withoutSecrets(name: string, value: string): string {
  return name === 'STORE_URL' || /@|password=/i.test(value) ? onlyScheme(value) : value;
}
