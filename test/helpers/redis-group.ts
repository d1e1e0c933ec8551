import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { withTimeout } from '../../src/stores/engine.ts';
import { end, freePort, startListening } from './ports.ts';
import { program } from './programs.ts';
import { newOperator, type RedisProcess, startRedis } from './redis-server.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Redis servers one of which is the primary, as Sentinels or the nodes of a cluster decide. */
export interface RedisGroupProcesses {
  /** A `STORE_URL`. */
  readonly url: string;
  /** The servers that can be the primary of the keys of the service. */
  readonly servers: readonly RedisProcess[];
  /** The processes of the group that are no such servers: Sentinels, or nodes that have other slots. */
  readonly others: readonly RedisProcess[];
  readonly primary: () => Promise<RedisProcess>;
  /** Resolves once the primary has all other servers as replicas, and the group knows them. */
  readonly settled: () => Promise<void>;
}

/** How long a server is silent before its group replaces it. */
const DOWN_AFTER_MS = 1000;

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'no', '--maxmemory-policy', 'noeviction'];
/** A replica that was away copies the data at once, and the primary does not wait for a second one. */
const QUICK = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

/** No replica moves to a primary that has none. */
const CLUSTER = [...['--cluster-node-timeout', String(DOWN_AFTER_MS)], ...['--cluster-allow-replica-migration', 'no']];

/** Sends one command on a connection of its own. Rejects if the server does not answer, for example because it is stopped. */
export async function command(server: { url: string }, ...words: string[]): Promise<unknown> {
  const client = newOperator(server);
  client.on('error', () => {});
  try {
    return await withTimeout(
      5000,
      client.connect().then(() => client.sendCommand(words)),
      server.url,
    );
  } finally {
    client.destroy();
  }
}

/** Waits until a condition holds. An error means that it does not hold yet. */
export async function until(isSo: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endsAt = performance.now() + limitMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > endsAt) {
      throw new Error(`not so after ${limitMs} ms: ${isSo}`);
    }
    await sleep(20);
  }
}

async function primaryOf(servers: readonly RedisProcess[]): Promise<RedisProcess> {
  for (const server of servers) {
    const info = await command(server, 'INFO', 'replication').catch(() => '');
    if (String(info).includes('role:master')) {
      return server;
    }
  }
  throw new Error('no server is the primary');
}

async function hasReplicas(primary: RedisProcess, count: number): Promise<boolean> {
  const info = String(await command(primary, 'INFO', 'replication'));
  return (info.match(/state=online/g) ?? []).length === count;
}

/** Starts servers with one primary, and three Sentinels. `args` are further settings of the servers. */
export async function startSentinels(
  t: Test,
  { replicas = 2, args = [] as readonly string[] } = {},
): Promise<RedisGroupProcesses | undefined> {
  const servers: RedisProcess[] = [];
  for (let i = 0; i <= replicas; i++) {
    const replication = servers[0] === undefined ? [] : ['--replicaof', '127.0.0.1', String(servers[0].port)];
    const server = await startRedis(t, [...DURABLE, ...QUICK, ...args, ...replication]);
    if (server === undefined) {
      return undefined;
    }
    servers.push(server);
  }
  const [first] = servers as [RedisProcess];
  await until(() => hasReplicas(first, replicas));
  const others = await Promise.all([0, 1, 2].map(() => startSentinel(t, first.port)));
  // An old primary that was started again calls itself the primary until a Sentinel changes it.
  const primary = async () => {
    const [, port] = (await command(
      others[0] as RedisProcess,
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      'main',
    )) as string[];
    return servers.find((server) => String(server.port) === port) as RedisProcess;
  };
  const settled = async () => {
    await until(async () => hasReplicas(await primary(), replicas));
    const { port } = await primary();
    await Promise.all(others.map((sentinel) => until(() => isComplete(sentinel, port, replicas))));
  };
  await settled();
  const hosts = others.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return { url: `redis+sentinel://${hosts}/main`, servers, others, primary, settled };
}

async function startSentinel(t: Test, primaryPort: number): Promise<RedisProcess> {
  const path = program(t, 'redis-server') as string;
  const port = await freePort();
  const file = `${temporaryDirectory(t)}/sentinel.conf`;
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor main 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds main ${DOWN_AFTER_MS}`,
    // Sentinels that elect no leader try again after twice this time.
    'sentinel failover-timeout main 2000',
  ];
  writeFileSync(file, lines.join('\n'));
  const start = () => startListening(t, port, path, [file, '--sentinel']);
  let child = await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill: () => end(child, 'SIGKILL'),
    restart: async () => {
      child = await start();
    },
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  };
}

async function isComplete(sentinel: RedisProcess, port: number, replicas: number): Promise<boolean> {
  const reply = (await command(sentinel, 'SENTINEL', 'MASTER', 'main')) as string[];
  const field = (name: string) => reply[reply.indexOf(name) + 1];
  const wanted = [String(port), String(replicas), '2', 'master'];
  return ['port', 'num-slaves', 'num-other-sentinels', 'flags'].every((name, i) => field(name) === wanted[i]);
}

/** The first node gets the slots of the keys of the service, and the replicas. */
const SLOT_COUNT = 16_384;

/** Starts a cluster of three primaries. One of them has the keys with the prefix, and replicas. */
export async function startCluster(
  t: Test,
  keyPrefix: string,
  { replicas = 2, args = [] as readonly string[] } = {},
): Promise<RedisGroupProcesses | undefined> {
  const nodes: RedisProcess[] = [];
  const busPorts: string[] = [];
  for (let i = 0; i < 3 + replicas; i++) {
    const busPort = String(await freePort());
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', busPort];
    const node = await startRedis(t, [...DURABLE, ...QUICK, ...args, ...cluster, ...CLUSTER]);
    if (node === undefined) {
      return undefined;
    }
    nodes.push(node);
    busPorts.push(busPort);
  }
  const [first] = nodes as [RedisProcess];
  const slot = Number(await command(first, 'CLUSTER', 'KEYSLOT', keyPrefix));
  const others = nodes.slice(1, 3);
  const servers = [first, ...nodes.slice(3)];
  await assignSlots([first, ...others], slot);
  for (const node of nodes.slice(1)) {
    await command(node, 'CLUSTER', 'MEET', '127.0.0.1', String(first.port), busPorts[0] as string);
  }
  await until(async () => (await Promise.all(nodes.map((node) => knows(node, nodes.length)))).every(Boolean));
  const id = String(await command(first, 'CLUSTER', 'MYID'));
  for (const node of servers.slice(1)) {
    await command(node, 'CLUSTER', 'REPLICATE', id);
  }
  const settled = async () => {
    await until(async () => hasReplicas(await primaryOf(servers), replicas));
    await until(async () => (await Promise.all(nodes.map(isOk))).every(Boolean));
  };
  await settled();
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return { url: `redis+cluster://${hosts}`, servers, others, primary: () => primaryOf(servers), settled };
}

/** The first node gets all slots but two, and among them the given one. */
async function assignSlots([first, ...others]: RedisProcess[], slot: number): Promise<void> {
  const taken = [0, 1, 2].filter((other) => other !== slot).slice(0, others.length);
  const rest = Array.from({ length: SLOT_COUNT }, (_, i) => i).filter((other) => !taken.includes(other));
  await command(first as RedisProcess, 'CLUSTER', 'ADDSLOTS', ...rest.map(String));
  for (const [i, node] of others.entries()) {
    await command(node, 'CLUSTER', 'ADDSLOTS', String(taken[i]));
  }
  for (const [i, node] of [first as RedisProcess, ...others].entries()) {
    await command(node, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
}

async function knows(node: RedisProcess, count: number): Promise<boolean> {
  const info = String(await command(node, 'CLUSTER', 'INFO'));
  return info.includes(`cluster_known_nodes:${count}\r`) && info.includes('cluster_state:ok');
}

async function isOk(node: RedisProcess): Promise<boolean> {
  const [info, nodes] = [await command(node, 'CLUSTER', 'INFO'), await command(node, 'CLUSTER', 'NODES')];
  return String(info).includes('cluster_state:ok') && !/fail|handshake/.test(String(nodes));
}
