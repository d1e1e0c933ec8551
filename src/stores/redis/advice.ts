import type { StoreLog } from '../store-log.ts';
import { StoreNotOpened } from '../store-not-opened.ts';

/**
 * Says in the log which settings of the server would lose sessions or users. `askInfo` is its command INFO.
 * @throws StoreNotOpened when the server is older than the commands that are needed of it.
 */
export async function adviseOnSettings(askInfo: () => Promise<string>, log: StoreLog): Promise<void> {
  const info = await readInfo(askInfo, log);
  if (info.size === 0) {
    return;
  }
  const version = info.get('redis_version') ?? '';
  if (!isRecent(version)) {
    throw new StoreNotOpened(
      `Redis 6.2 or newer, or Valkey, is needed; this server is ${version || 'unknown'}.`,
    );
  }
  if (info.get('maxmemory_policy') !== 'noeviction') {
    log.warn(
      { setting: 'maxmemory-policy', is: info.get('maxmemory_policy'), shouldBe: 'noeviction' },
      'the store may evict users and live sessions when its memory is full',
    );
  }
  if (info.get('aof_enabled') !== '1') {
    log.warn(
      { setting: 'appendonly', is: 'no', shouldBe: 'yes' },
      'the store forgets users and sessions since its last snapshot when it ends, and may bring ended ones back',
    );
  }
}

async function readInfo(askInfo: () => Promise<string>, log: StoreLog): Promise<ReadonlyMap<string, string>> {
  try {
    return parseInfo(await askInfo());
  } catch (err) {
    log.warn(
      { err },
      'the settings of the store cannot be read: see to maxmemory-policy and appendonly yourself',
    );
    return new Map();
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => line.split(/:(.*)/s, 2) as [string, string]));
}

/** ZADD GT, GETDEL and more came with 6.2. Valkey says 7.2.4 for the sake of clients. */
function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}
