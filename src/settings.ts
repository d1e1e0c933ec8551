import { inspect } from 'node:util';
import { FormatRegistry, type Static, type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** 400 days, the longest lifetime of a cookie (RFC 6265bis, section 5.5). */
const MAX_COOKIE_SECONDS = 34_560_000;
const COOKIE_NOTE = ' (400 days, the longest lifetime of a cookie)';

FormatRegistry.Set('origin', isOrigin);
FormatRegistry.Set('trusted-origin', isTrustedOrigin);

/**
 * The settings that the environment and the options of plugins share: what is allowed, and the default. A description
 * completes the sentence "NAME must be …".
 */
export const settings = {
  idleSeconds: seconds(MAX_COOKIE_SECONDS, 120, COOKIE_NOTE),
  /** 12 hours. */
  maxSeconds: seconds(MAX_COOKIE_SECONDS, 43_200, COOKIE_NOTE),
  renewal: Type.Union([Type.Literal('refresh'), Type.Literal('activity')], {
    default: 'refresh',
    description: 'refresh or activity',
  }),
  maxPerUser: wholeNumber('a whole number', 1, 10_000, 20),
  freshSeconds: seconds(MAX_COOKIE_SECONDS, 300),
  reuseWindowSeconds: seconds(3600, 10),
  boundIdleSeconds: wholeNumber('a whole number of seconds', 300, 86_400, 900),
  failuresPerAddress: wholeNumber('a whole number', 1, 1_000_000, 20),
  failuresPerUser: wholeNumber('a whole number', 1, 1_000_000, 10),
  failureWindowSeconds: seconds(604_800, 900, ' (a week)'),
  passwordMinLength: wholeNumber('a whole number of characters', 8, 256, 15),
  storeTimeoutMs: wholeNumber('a whole number of milliseconds', 10, 60_000, 500),
  /** The prefix of every key in Redis. */
  keyPrefix: Type.String({
    pattern: '^[\\x21-\\x7e]{1,64}$',
    default: 'login:',
    description: '1 to 64 printable ASCII characters without spaces',
  }),
  /** How many Redis replicas must have a change before it is acknowledged. */
  waitReplicas: wholeNumber('a whole number of replicas', 0, 100, 0),
  /** The most sessions that the memory store holds. */
  maxSessions: wholeNumber('a whole number', 1, 16_000_000, 1_000_000),
  publicOrigin: Type.String({
    format: 'origin',
    description: 'the http or https origin that browsers use, without a path',
    examples: ['https://login.example.com'],
  }),
  trustedOrigin: Type.String({ format: 'trusted-origin' }),
  /** An HTTP token (RFC 6265, section 4.1.1). The prefixes follow from other settings. */
  cookieName: Type.String({
    pattern: "^(?!__([Hh][Oo][Ss][Tt]|[Ss][Ee][Cc][Uu][Rr][Ee]|[Hh][Tt][Tt][Pp])-)[\\w!#$%&'*+.^`|~-]+$",
  }),
  /** A host name with a dot, and no address. Browsers compare it with the ASCII form of the host. */
  cookieDomain: Type.String({
    pattern: '^(?=.{1,253}$)([a-z\\d]([a-z\\d-]*[a-z\\d])?\\.)+[a-z]([a-z\\d-]*[a-z\\d])?$',
    description: 'a domain in lower-case ASCII letters, such as example.com',
    examples: ['example.com'],
  }),
};

/** The schema of a whole number. The description follows from the bounds. */
export function wholeNumber(what: string, minimum: number, maximum: number, defaultValue?: number, note = '') {
  const description = `${what} from ${minimum} to ${maximum}${note}`;
  return Type.Integer({ minimum, maximum, default: defaultValue, description });
}

function seconds(maximum: number, defaultValue: number, note = '') {
  return wholeNumber('a whole number of seconds', 1, maximum, defaultValue, note);
}

/** The schema of an optional function. */
export const optionalFunction = Type.Optional(Type.Function([], Type.Any(), { description: 'a function' }));

/** The schema of an object with these methods. */
export function objectWith(...methods: string[]) {
  const properties = Object.fromEntries(methods.map((name) => [name, Type.Function([], Type.Any())]));
  return Type.Unsafe<object>(
    Type.Object(properties, { description: `an object with the methods ${methods.join(', ')}` }),
  );
}

/** Fastify adds these to the options of a plugin. */
export const OF_FASTIFY: ReadonlySet<string> = new Set(['prefix', 'logLevel', 'logSerializers']);

/**
 * Checks options and adds the defaults. `owner` is what the options belong to. Options in `ignored` pass unchecked.
 * @throws TypeError with a line for each option that is unknown or has a value that is not allowed.
 */
export function readOptions<P extends TProperties, O extends object>(
  owner: string,
  properties: P,
  options: O,
  ignored: ReadonlySet<string> = new Set(),
): O & Static<TObject<P>> {
  const complete = { ...options } as Record<string, unknown>;
  for (const [name, schema] of Object.entries(properties)) {
    if (complete[name] === undefined) {
      complete[name] = schema.default;
    }
  }
  const problems = Object.keys(complete)
    .filter((name) => !ignored.has(name))
    .flatMap((name) => describeProblem(properties, name, complete[name]));
  if (problems.length > 0) {
    throw new TypeError(problems.map((problem) => `${owner}: ${problem}`).join('\n'));
  }
  return complete as O & Static<TObject<P>>;
}

function describeProblem(properties: Record<string, TSchema>, name: string, value: unknown): string[] {
  const schema = properties[name];
  if (schema === undefined) {
    return [`the option ${name} does not exist. The options are ${Object.keys(properties).join(', ')}.`];
  }
  // An optional property that is undefined is valid only as a property.
  return Value.Check(Type.Object({ value: schema }), { value })
    ? []
    : [`${name} is ${describeValue(value, schema)}: it must be ${schema.description}.`];
}

/**
 * Describes a value without its contents. A property may hold a secret, and so may a text: a URL with a password, also in the
 * place of an object such as a store.
 */
function describeValue(value: unknown, schema: TSchema): string {
  if (typeof value === 'string') {
    return schema.type === 'string' && !value.includes('@') ? inspect(value).slice(0, 100) : 'a string';
  }
  if (typeof value === 'function') {
    return 'a function';
  }
  if (Array.isArray(value)) {
    return schema.items ? `[${value.map((item) => describeValue(item, schema.items)).join(', ')}]` : 'an array';
  }
  if (typeof value === 'object' && value !== null) {
    const names = Object.keys(value).join(', ');
    return names === '' ? 'an object' : `an object with ${names}`;
  }
  return String(value);
}

function isOrigin(text: string): boolean {
  // A pattern such as https://*.example.com is a valid URL. No browser sends it.
  return isOriginOrPattern(text) && !text.includes('*');
}

/** An origin, or a pattern for the hosts below a domain. A pattern for a top-level domain, such as *.com, is refused. */
function isTrustedOrigin(text: string): boolean {
  return isOriginOrPattern(text) && /^([^*]+|\*\.(localhost|[^*.]+\.[^*]+))$/.test(new URL(text).hostname);
}

function isOriginOrPattern(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
}
