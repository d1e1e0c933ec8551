import type { Test } from 'tap';
import type { StoreLog } from '../../../src/stores/engine.ts';
import { RedisConnection, type RedisConnectionOptions } from '../../../src/stores/redis/connection.ts';
import { RedisSessionStore } from '../../../src/stores/redis/session-store.ts';
import { parseStoreUrl } from '../../../src/stores/store-url.ts';

const silent = { info() {}, warn() {} };

/**
 * A connection to a server of the test's own. A store that is opened on it closes it. The long timeout is for busy machines: a
 * test of a silent server passes a short one.
 */
export function connect(
  { url }: { url: string },
  options: Partial<RedisConnectionOptions> = {},
): Promise<RedisConnection> {
  const location = parseStoreUrl(url);
  if (location.engine !== 'redis') {
    throw new TypeError(url);
  }
  const defaults = { timeoutMs: 10_000, keyPrefix: 'test:', log: silent };
  return RedisConnection.open(location.server, { ...defaults, ...options });
}

/** A connection that ends with the test, a session store on it, and the lines of its log. */
export async function openSessions(t: Test, server: { url: string }) {
  const { log, ...listening } = listeningLog();
  const connection = await connect(server, { log });
  t.teardown(() => connection.close());
  return { connection, store: new RedisSessionStore(connection), ...listening };
}

/** A log that keeps its lines. */
export function listeningLog() {
  const lines: { level: string; message: string; details: object }[] = [];
  const log: StoreLog = {
    info: (details, message) => lines.push({ level: 'info', message, details }),
    warn: (details, message) => lines.push({ level: 'warn', message, details }),
  };
  return {
    log,
    lines,
    warnings: () => lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
  };
}
