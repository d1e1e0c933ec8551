import type { StoreLog } from '../../../src/stores/engine.ts';
import { RedisConnection, type RedisConnectionOptions } from '../../../src/stores/redis/connection.ts';
import { parseStoreUrl } from '../../../src/stores/store-url.ts';

const silent = { info() {}, warn() {} };

/** A connection to a server of the test's own. Whoever opens a store on it closes it with the store. */
export function connect(
  { url }: { url: string },
  options: Partial<RedisConnectionOptions> = {},
): Promise<RedisConnection> {
  const location = parseStoreUrl(url);
  if (location.engine !== 'redis') {
    throw new TypeError(url);
  }
  const defaults = { timeoutMs: 500, keyPrefix: 'test:', log: silent };
  return RedisConnection.open(location.server, { ...defaults, ...options });
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
