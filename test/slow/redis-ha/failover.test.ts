import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { command, type RedisGroupProcesses, startCluster, startSentinels, until } from '../../helpers/redis-group.ts';
import type { RedisProcess } from '../../helpers/redis-server.ts';
import { ANN, build } from '../../helpers/service.ts';
import { addUser, openTestStores } from '../../helpers/users.ts';
import { Load } from './load.ts';

// The primary dies, hangs or hands over while two instances serve requests. HA_ROUNDS sets the number of rounds, HA_FAULTS
// the faults (kill,hang,switch), and HA_WAIT the value of REDIS_WAIT_REPLICAS.

const ROUNDS = Number(process.env.HA_ROUNDS ?? 1);
const WAIT = process.env.HA_WAIT ?? '1';
const TIMEOUT_MS = 500;

type Fault = (primary: RedisProcess, group: RedisGroupProcesses) => Promise<unknown>;

const FAULTS: Record<string, Record<string, Fault>> = {
  sentinel: {
    kill: (primary) => primary.kill(),
    hang: async (primary) => primary.freeze(),
    // Without the pause the old primary accepts changes until a Sentinel makes it a replica.
    switch: async (primary, { others }) => {
      if (process.env.HA_NO_PAUSE === undefined) {
        await command(primary, 'CLIENT', 'PAUSE', '3000', 'WRITE');
        await sleep(200);
      }
      await command(others[0] as RedisProcess, 'SENTINEL', 'FAILOVER', 'main');
    },
  },
  cluster: {
    kill: (primary) => primary.kill(),
    hang: async (primary) => primary.freeze(),
    switch: async (primary, { servers }) => {
      const replica = servers.find((server) => server !== primary) as RedisProcess;
      const how = process.env.HA_NO_PAUSE === undefined ? [] : ['TAKEOVER'];
      await command(replica, 'CLUSTER', 'FAILOVER', ...how);
    },
  },
};

async function heal(fault: string, primary: RedisProcess): Promise<void> {
  if (fault === 'kill') {
    await primary.restart();
  } else {
    primary.thaw();
  }
}

async function fails(t: Test, group: RedisGroupProcesses, kind: string, faults: readonly string[]): Promise<void> {
  const stores = await openTestStores(t, group.url);
  await until(() => addUser(stores, ANN).then(() => true));
  const env = {
    STORE_URL: group.url,
    STORE_TIMEOUT_MS: String(TIMEOUT_MS),
    REDIS_WAIT_REPLICAS: WAIT,
    SESSIONS_PER_USER: '10000',
    SESSION_IDLE_SECONDS: '3600',
    // The test uses replaced tokens long after their refresh.
    REUSE_WINDOW_SECONDS: '3600',
    // A sign-in that the outage interrupts counts as a failure.
    SIGNIN_FAILURES_PER_ADDRESS: '100000',
    SIGNIN_FAILURES_PER_USER: '100000',
  };
  const apps = [await build(t, { env }), await build(t, { env })];
  for (let round = 0; round < ROUNDS; round++) {
    for (const fault of faults) {
      await group.settled();
      const load = new Load(apps);
      await load.recovered();
      load.start();
      await sleep(1000);
      const primary = await group.primary();
      await FAULTS[kind]?.[fault]?.(primary, group);
      await until(async () => (await load.isDown()) || (await group.primary()) !== primary);
      const replaced = until(async () => (await group.primary()) !== primary).then(() => performance.now());
      const failedAt = performance.now();
      const backMs = Math.round(await load.recovered());
      const replacedMs = Math.round((await replaced) - failedAt);
      await sleep(1000);
      await heal(fault, primary);
      await sleep(1000);
      await load.stop();
      await load.recovered();
      await sleep(2000);
      await load.checkAll();
      // Times are figures and no assertions: they depend on the machine. Without a recovery `until` throws.
      t.comment(
        `${kind} ${fault}: replaced ${replacedMs} ms, back ${backMs} ms, wrong ${load.wrong.length}, came back ${load.revived.size}; ${load}`,
      );
      t.same(load.wrong, [], 'no wrong answer');
      t.equal(load.revived.size, 0, 'no ending came back');
    }
  }
}

const faultsOf = (defaults: string) => (process.env.HA_FAULTS ?? defaults).split(',');
const options = { timeout: 3_600_000 };

t.test('Sentinels replace a primary that dies: no wrong answer, no ending comes back', options, async (t) => {
  const group = await startSentinels(t);
  if (group) {
    await fails(t, group, 'sentinel', faultsOf('kill'));
  }
});

t.test('a cluster replaces a primary that hangs: no wrong answer, no ending comes back', options, async (t) => {
  const group = await startCluster(t, '{login:}');
  if (group) {
    await fails(t, group, 'cluster', faultsOf('hang'));
  }
});
