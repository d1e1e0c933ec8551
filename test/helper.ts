import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify';
import type { Test } from 'tap';
import { type ServiceOptions, service } from '../src/app.ts';
import { parseConfig } from '../src/config.ts';
import { fastifyOptions } from '../src/fastify-options.ts';
import type { SessionRecord } from '../src/sessions/record.ts';
import { MemorySessionStore } from '../src/stores/memory/session-store.ts';
import type { SessionStore } from '../src/stores/session-store.ts';
import { PATIENT } from './patience.ts';

export const USER1 = { username: 'user1', password: 'password1' };

export interface BuildOptions extends Partial<Omit<ServiceOptions, 'config'>> {
  /** The environment, `LOG_LEVEL=silent` and patience with the store unless it says otherwise. */
  env?: Record<string, string>;
  /** Takes the log's lines. Give a `LOG_LEVEL` with it. */
  log?: string[];
}

/** The service, ready for `inject`, and closed at the end of the test. */
export async function build(t: Test, { env, log, ...options }: BuildOptions = {}): Promise<FastifyInstance> {
  const config = parseConfig({ LOG_LEVEL: 'silent', ...PATIENT, ...env });
  const defaults = fastifyOptions(config);
  const stream = { write: (line: string) => log?.push(line) };
  const app = Fastify({ ...defaults, logger: { ...(defaults.logger as object), stream } });
  t.teardown(() => app.close());
  await app.register(service, { config, ...options });
  await app.ready();
  return app;
}

/** Signs in over HTTP and answers with the cookie to send along, `name=value`. */
export async function signIn(app: FastifyInstance, credentials = USER1, headers = {}): Promise<string> {
  return cookieOf(await app.inject({ method: 'POST', url: '/signin', payload: credentials, headers }));
}

/** The session's cookie that a reply sets, as a client sends it back. */
export function cookieOf(response: LightMyRequestResponse, name = 'session_token'): string {
  const [header, ...others] = setCookies(response).filter((line) => line.includes(`${name}=`));
  if (header === undefined || others.length > 0) {
    throw new Error(`expected one Set-Cookie, got ${1 + others.length} with status ${response.statusCode}`);
  }
  return header.split(';', 1)[0] as string;
}

/** Every `Set-Cookie` of a reply. */
export function setCookies({ headers }: LightMyRequestResponse): string[] {
  return [headers['set-cookie'] ?? []].flat();
}

export async function welcome(app: FastifyInstance, cookie: string): Promise<number> {
  return (await app.inject({ url: '/welcome', headers: { cookie } })).statusCode;
}

/** A clock that stands still until it is moved. */
export function fakeClock(now = Date.UTC(2030, 0, 1, 12)) {
  const clock = () => now;
  clock.advance = (milliseconds: number) => {
    now += milliseconds;
  };
  return clock;
}

/** A session's record, for tests that talk to a store themselves. */
export function record(over: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.UTC(2030, 0, 1, 12);
  return {
    id: 'id',
    secretHash: 'hash',
    username: 'user1',
    createdAt: now,
    authenticatedAt: now,
    expiresAt: now + 120_000,
    endsAt: now + 43_200_000,
    address: '192.0.2.1',
    device: 'Firefox on Linux',
    ...over,
  };
}

/** The same store with some of its methods replaced. */
export function doctored(store: SessionStore, methods: Partial<SessionStore>): SessionStore {
  const plain: SessionStore = {
    create: (record) => store.create(record),
    find: (id, latest) => store.find(id, latest),
    replace: (next, expectedHash) => store.replace(next, expectedHash),
    remove: (id) => store.remove(id),
    listByUser: (username) => store.listByUser(username),
    removeByUser: (username, keep) => store.removeByUser(username, keep),
    list: () => store.list(),
    ping: () => store.ping(),
    close: () => store.close(),
  };
  return { ...plain, ...methods };
}

/** A store that works, and writes down which of its methods were called. */
export function spiedStore(t: Test): { store: SessionStore; calls: string[] } {
  const inner = new MemorySessionStore();
  t.teardown(() => inner.close());
  const calls: string[] = [];
  const spied = Object.entries(doctored(inner, {})).map(([name, method]) => {
    const spy = (...args: unknown[]) => {
      calls.push(name);
      return method(...args);
    };
    return [name, spy];
  });
  return { store: Object.fromEntries(spied), calls };
}
