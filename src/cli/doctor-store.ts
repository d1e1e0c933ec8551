import { existsSync, readdirSync, type StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { SILENT } from '../stores/engine.ts';
import { openStores } from '../stores/open-stores.ts';
import { parseStoreUrl } from '../stores/store-url.ts';
import { closeStores, type Stores } from '../stores/stores.ts';
import { timeBoundSessionStore, timeBoundUserStore } from '../stores/time-bound.ts';
import { DEMO_USERS } from '../users/demo-users.ts';
import { validateHash } from '../users/password-hash.ts';
import { PasswordHasher } from '../users/passwords.ts';
import { findByName, type UserStore } from '../users/user-store.ts';
import { othersCanRead } from './file-modes.ts';
import type { Finding } from './finding.ts';
import { messageOf } from './terminal.ts';

/** Types of file systems on which LMDB loses data, by the number that statfs(2) returns. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x00c36400, 'Ceph'],
]);
/** Less free room on the disk is a warning: a database grows, and its file never shrinks. */
const LOW_BYTES = 256 * 1024 * 1024;

export async function* checkStore(config: Config): AsyncGenerator<Finding> {
  const {
    STORE_URL,
    STORE_TIMEOUT_MS: timeoutMs,
    REDIS_KEY_PREFIX: keyPrefix,
    REDIS_WAIT_REPLICAS: waitReplicas,
  } = config;
  const location = parseStoreUrl(STORE_URL);
  if (location.engine === 'memory') {
    yield store('warning', 'memory: keeps users and sessions in the server process only, until it ends');
    return;
  }
  if (location.engine === 'lmdb') {
    if (!existsSync(join(location.path, 'data.mdb'))) {
      yield store('warning', `${location.path} has no database yet: the service, or users add, makes it`);
      return;
    }
    yield* checkDirectory(location.path);
  }
  const warnings: string[] = [];
  const log = {
    ...SILENT,
    warn: (details: object, message: string) => void warnings.push(described(details, message)),
  };
  let stores: Stores;
  try {
    stores = await openStores(STORE_URL, { timeoutMs, keyPrefix, waitReplicas, log });
  } catch (error) {
    yield store('error', messageOf(error));
    return;
  }
  try {
    const started = performance.now();
    await timeBoundSessionStore(stores.sessions, timeoutMs).ping();
    yield store('ok', `it answers within ${Math.ceil(performance.now() - started)} ms`);
    yield* warnings.map((message) => store('warning', message));
    yield* checkUsers(timeBoundUserStore(stores.users, timeoutMs));
  } catch (error) {
    yield* warnings.map((message) => store('warning', message));
    yield store('error', messageOf(error));
  } finally {
    await closeStores(stores);
  }
}

const store = (status: Finding['status'], message: string): Finding => ({ check: 'store', status, message });

/** The warning of a store, with the setting that it is about. */
function described(details: object, message: string): string {
  const { setting, is, shouldBe } = details as { setting?: string; is?: unknown; shouldBe?: unknown };
  return setting === undefined ? message : `${message} (${setting} is ${is}, should be ${shouldBe})`;
}

async function* checkDirectory(path: string): AsyncGenerator<Finding> {
  const open = readdirSync(path)
    .map((name) => join(path, name))
    .filter((file) => !file.endsWith('.sock') && othersCanRead(file));
  if (open.length > 0) {
    yield {
      check: 'files',
      status: 'error',
      message: `other users of the machine can read ${open.join(', ')}: chmod o= ${open.join(' ')}`,
    };
  }
  yield* checkDisk(path, await statfs(path));
}

/** What statfs(2) says about the disk of LMDB. */
export function* checkDisk(
  path: string,
  { type, bavail, bsize }: Pick<StatsFs, 'type' | 'bavail' | 'bsize'>,
): Generator<Finding> {
  const network = NETWORK_FILE_SYSTEMS.get(type);
  if (network !== undefined) {
    yield store('error', `${path} is on ${network}: LMDB needs a local disk`);
  }
  if (bavail * bsize < LOW_BYTES) {
    yield store('warning', `the disk of ${path} has ${Math.round((bavail * bsize) / 1024 / 1024)} MiB left`);
  }
}

/** Users whose passwords are in the README. */
async function* checkUsers(users: UserStore): AsyncGenerator<Finding> {
  const hasher = new PasswordHasher();
  const known: string[] = [];
  for (const [username, password] of Object.entries(DEMO_USERS)) {
    const user = await findByName(users, username);
    if (user === undefined || user.disabled) {
      continue;
    }
    const reason = validateHash(user.passwordHash);
    if (reason !== undefined) {
      yield { check: 'users', status: 'warning', message: `the hash of ${username} cannot be used: ${reason}` };
    } else if (await hasher.verify(user.passwordHash, password)) {
      known.push(username);
    }
  }
  yield known.length > 0
    ? { check: 'users', status: 'error', message: `everybody knows the password of ${known.join(' and ')}` }
    : { check: 'users', status: 'ok', message: 'no user has the password of a demo user' };
}
