import { type StoreLog, StoreOpenError } from '../engine.ts';
import type { RedisClient } from './client.ts';

/** The number of slots of a Redis cluster. Each key belongs to one. */
const CLUSTER_SLOTS = 16_384;

/**
 * Checks the reply to INFO, and logs a warning for each setting that may lose sessions or users.
 * @throws StoreOpenError if the server is too old.
 */
export async function checkServerConfig(
  readInfo: () => Promise<string>,
  log: StoreLog,
  waitReplicas = 0,
): Promise<void> {
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
  const version = field('redis_version');
  if (!isSupported(version)) {
    throw new StoreOpenError(`Redis 6.2 or newer, or Valkey, is needed; this server is ${version}.`);
  }
  warnAboutSettings(field, log, waitReplicas);
}

/** Logs what may lose data or refuse changes. `field` returns a field of the reply to INFO, or `unknown`. */
function warnAboutSettings(field: (name: string) => string, log: StoreLog, waitReplicas: number): void {
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
  const replicas = Number(field('connected_slaves'));
  if (replicas < waitReplicas) {
    log.warn(
      { setting: 'connected_slaves', is: replicas, shouldBe: waitReplicas },
      'fewer replicas are connected than REDIS_WAIT_REPLICAS: every sign-in and every ending is answered 503',
    );
  }
  // INFO has the second field only if min-replicas-to-write is set.
  if (replicas > 0 && field('min_slaves_good_slaves') === 'unknown' && waitReplicas === 0) {
    log.warn(
      { setting: 'min-replicas-to-write', is: 0, shouldBe: 1 },
      'a primary that has lost its replicas accepts changes, and the sessions that it ends are back after a failover',
    );
  }
}

/** ZADD GT and GETDEL came with 6.2. Valkey reports 7.2.4 for compatibility. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}

/**
 * Checks that the server, if it is a node of a cluster, serves all keys. The client talks to one server only.
 * @throws StoreOpenError if other nodes serve keys, or slots are not assigned.
 */
export async function checkCluster(client: RedisClient): Promise<void> {
  // Without cluster mode, or without the right to ask, it is an error. Each command then tells by itself.
  const info = await client.sendCommand(['CLUSTER', 'INFO']).then(String, () => '');
  const field = (name: string) => Number(info.match(new RegExp(`^${name}:(\\d+)\r$`, 'm'))?.[1] ?? Number.NaN);
  const [assigned, masters] = [field('cluster_slots_assigned'), field('cluster_size')];
  if (assigned < CLUSTER_SLOTS || masters > 1) {
    throw new StoreOpenError(
      `The Redis server is a node of a cluster. Master nodes: ${masters}. Assigned slots: ${assigned} of ${CLUSTER_SLOTS}. ` +
        'Use redis+cluster:// for a cluster, or a single node that has all slots.',
    );
  }
}
