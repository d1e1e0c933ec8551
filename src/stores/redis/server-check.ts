import { type StoreLog, StoreOpenError } from '../engine.ts';

/**
 * Checks the reply to INFO, and logs a warning for each setting that may lose sessions or users.
 * @throws StoreOpenError if the server is too old.
 */
export async function checkServerConfig(readInfo: () => Promise<string>, log: StoreLog): Promise<void> {
  let info: string;
  try {
    info = await readInfo();
  } catch (err) {
    log.warn({ err }, 'the settings of the store cannot be read: check maxmemory-policy and appendonly yourself');
    return;
  }
  if (info === '') {
    return;
  }
  const field = (name: string) => info.match(new RegExp(`^${name}:(.*)\r$`, 'm'))?.[1] ?? 'unknown';
  if (!isSupported(field('redis_version'))) {
    throw new StoreOpenError(`Redis 6.2 or newer, or Valkey, is needed; this server is ${field('redis_version')}.`);
  }
  if (field('maxmemory_policy') !== 'noeviction') {
    log.warn(
      { setting: 'maxmemory-policy', is: field('maxmemory_policy'), shouldBe: 'noeviction' },
      'the store may evict users and live sessions when its memory is full',
    );
  }
  if (field('aof_enabled') !== '1') {
    log.warn(
      { setting: 'appendonly', is: 'no', shouldBe: 'yes' },
      'after a crash the store lacks users and sessions since its last snapshot, and ended sessions may be back',
    );
  }
}

/** ZADD GT and GETDEL came with 6.2. Valkey reports 7.2.4 for compatibility. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}
