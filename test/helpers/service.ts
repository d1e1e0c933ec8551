import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import type { Test } from 'tap';
import { type ServiceOptions, service } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { fastifyOptions } from '../../src/fastify-options.ts';
import { pinoOptions } from '../../src/http/logging.ts';
import {
  DEFAULT_NAMESPACE,
  SESSION_SCHEMA,
  type Session,
  type SessionOwner,
  type SessionRecord,
} from '../../src/sessions/session.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import type { UserStore } from '../../src/users/user-store.ts';
import { RememberingHasher } from './remembering-hasher.ts';
import { LENIENT_TIMEOUTS } from './timeouts.ts';

export const USER1 = { username: 'user1', password: 'password1' };
export const USER2 = { username: 'user2', password: 'password2' };
/** A user of the stores that have no demo users. */
export const ANN = { username: 'ann', password: 'a horse, a battery' };

/** Shared by the services of a test file, so that each password is hashed once. */
const rememberingHasher = new RememberingHasher();

export interface BuildOptions extends Partial<Omit<ServiceOptions, 'config'>> {
  /** The environment. Defaults: `LOG_LEVEL=silent`, `DEMO_USERS=on` and `LENIENT_TIMEOUTS`. */
  env?: Record<string, string>;
  /** Receives the lines of the log. Needs a `LOG_LEVEL` in `env`. */
  log?: string[];
}

/** Builds the service, ready for `inject`. It is closed at the end of the test. */
export async function build(t: Test, options: BuildOptions = {}): Promise<FastifyInstance> {
  const { app } = await register(t, options);
  await app.ready();
  return app;
}

/** Builds the service, which can still be extended. It is closed at the end of the test. */
export async function register(t: Test, { env, log, ...options }: BuildOptions = {}) {
  const config = parseConfig({ LOG_LEVEL: 'silent', DEMO_USERS: 'on', ...LENIENT_TIMEOUTS, ...env });
  const app = Fastify(fastifyOptions(config));
  app.log = pino(pinoOptions(config), { write: (line) => log?.push(line) });
  t.teardown(() => app.close());
  await app.register(service, { config, passwords: rememberingHasher, ...options });
  return { app, config };
}

/** Signs in, and returns the session cookie as `name=value`. */
export async function signIn(app: FastifyInstance, credentials = USER1, headers = {}): Promise<string> {
  return cookieOf(await app.inject({ method: 'POST', url: '/signin', payload: credentials, headers }));
}

/** The cookie that a reply sets, as `name=value`. */
export function cookieOf(response: LightMyRequestResponse, name = 'session_token'): string {
  const [header, ...others] = setCookies(response).filter((line) => line.includes(`${name}=`));
  if (header === undefined || others.length > 0) {
    throw new Error(`expected one Set-Cookie, got ${1 + others.length} with status ${response.statusCode}`);
  }
  return header.split(';', 1)[0] as string;
}

/** All `Set-Cookie` headers of a reply. */
export function setCookies({ headers }: LightMyRequestResponse): string[] {
  return [headers['set-cookie'] ?? []].flat();
}

export async function welcome(app: FastifyInstance, cookie: string): Promise<number> {
  return (await app.inject({ url: '/welcome', headers: { cookie } })).statusCode;
}

/** The id of the session that a cookie belongs to. */
export const sessionIdOf = (cookie: string) => /=([^.]*)/.exec(cookie)?.[1] ?? '';

/** A clock that stands still until `advance` moves it. */
export function fakeClock(now = Date.UTC(2030, 0, 1, 12)) {
  const clock = () => now;
  clock.advance = (milliseconds: number) => {
    now += milliseconds;
  };
  return clock;
}

/** Builds the service with a clock of its own, and parses the security events of its log. */
export async function buildWithEvents(t: Test, env: Record<string, string> = {}) {
  const clock = fakeClock();
  const log: string[] = [];
  const app = await build(t, { clock, log, env: { LOG_LEVEL: 'info', ...env } });
  const events = () => log.map((line) => JSON.parse(line)).filter(({ event }) => event !== undefined);
  return { app, clock, log, events };
}

/** A stored record, for tests that call a store themselves. */
export function record({
  secretHash = 'hash',
  replaced = [],
  ...over
}: Partial<Session & Pick<SessionRecord, 'secretHash' | 'replaced'>> = {}): SessionRecord {
  const now = Date.UTC(2030, 0, 1, 12);
  const username = over.username ?? 'user1';
  const session = {
    id: 'id',
    ...owner(username),
    username,
    createdAt: now,
    authenticatedAt: now,
    expiresAt: now + 120_000,
    endsAt: now + 43_200_000,
    address: '192.0.2.1',
    device: 'Firefox on Linux',
    bound: false,
    data: {},
    ...over,
  };
  return { schema: SESSION_SCHEMA, version: version(secretHash), session, secretHash, replaced };
}

/** The version of a record with this hash that `record` returns. */
export function version(secretHash: string): string {
  return `version of ${secretHash}`;
}

/** The owner of the sessions that `record` returns for a username. */
export function owner(username: string): SessionOwner {
  return { namespace: DEFAULT_NAMESPACE, userId: username };
}

/** The owner of the sessions of a user who was added to a user store. */
export async function ownerIn(users: Pick<UserStore, 'find'>, username: string): Promise<SessionOwner> {
  return { ...owner(username), userId: (await users.find(username))?.id ?? '' };
}

/** Ends all sessions that a store holds. */
export async function removeAll(store: SessionStore): Promise<void> {
  for await (const { session } of store.list()) {
    await store.remove(session.id);
  }
}

/** Wraps a store and replaces some of its methods. */
export function stubStore(store: SessionStore, methods: Partial<SessionStore>): SessionStore {
  const plain: SessionStore = {
    create: (record) => store.create(record),
    find: (id, latest) => store.find(id, latest),
    replace: (next, expectedVersion) => store.replace(next, expectedVersion),
    remove: (id) => store.remove(id),
    listByUser: (owner) => store.listByUser(owner),
    removeByUser: (owner, keep) => store.removeByUser(owner, keep),
    list: () => store.list(),
    ping: () => store.ping(),
    close: () => store.close(),
  };
  return { ...plain, ...methods };
}

/** A working store that records which of its methods were called. */
export function spyStore(t: Test): { store: SessionStore; calls: string[] } {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const calls: string[] = [];
  const spied = Object.entries(stubStore(inner, {})).map(([name, method]) => {
    const spy = (...args: unknown[]) => {
      calls.push(name);
      return method(...args);
    };
    return [name, spy];
  });
  return { store: Object.fromEntries(spied), calls };
}
