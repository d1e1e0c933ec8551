import t from 'tap';
import { StoreOpenError } from '../../../src/stores/engine.ts';
import { checkServerConfig } from '../../../src/stores/redis/server-check.ts';

// The INFO replies of servers that no package provides any more.

async function warningsFor(info: () => Promise<string>, waitReplicas?: number): Promise<string[]> {
  const warnings: string[] = [];
  await checkServerConfig(info, { info() {}, warn: (_details, message) => warnings.push(message) }, waitReplicas);
  return warnings;
}

const server = (version: string) =>
  `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n`;

t.test('a server older than 6.2 is rejected', async (t) => {
  for (const version of ['2.8.24', '5.0.14', '6.0.16', '6.1.240', '']) {
    await t.rejects(
      warningsFor(async () => server(version)),
      StoreOpenError,
      version,
    );
  }
});

t.test('a server that does not report its version is rejected', async (t) => {
  const silent = warningsFor(async () => '# Server\r\nuptime:5\r\n');
  await t.rejects(silent, { message: /this server is unknown/ });
});

t.test('Redis 6.2 and newer are accepted, and Valkey, which reports 7.2.4', async (t) => {
  for (const version of ['6.2.0', '7.0.15', '7.2.4', '8.0.0', '10.1']) {
    t.same(await warningsFor(async () => server(version)), [], version);
  }
});

t.test('a server that does not show its settings is accepted with a warning', async (t) => {
  const warnings = await warningsFor(async () => {
    throw new Error('NOPERM');
  });
  t.match(warnings, [/^the settings of the store cannot be read/]);
});

t.test('an empty reply to INFO, as of some proxies, is not checked', async (t) => {
  t.same(await warningsFor(async () => ''), []);
});

t.test('a primary that its replicas may lose without noticing causes a warning', async (t) => {
  const withReplicas = (more: string) => async () => `${server('7.0.15')}connected_slaves:1\r\n${more}`;
  t.match(await warningsFor(withReplicas('')), [/^a primary that has lost its replicas/]);
  t.same(await warningsFor(withReplicas('min_slaves_good_slaves:1\r\n')), [], 'min-replicas-to-write is set');
  t.same(await warningsFor(withReplicas(''), 1), [], 'changes wait for replicas');
  const alone = async () => `${server('7.0.15')}connected_slaves:0\r\n`;
  t.same(await warningsFor(alone), []);
});

t.test('fewer replicas than changes wait for cause a warning', async (t) => {
  const withReplicas = (count: number) => async () => `${server('7.0.15')}connected_slaves:${count}\r\n`;
  const told = /^fewer replicas are connected than REDIS_WAIT_REPLICAS/;
  t.match(await warningsFor(withReplicas(0), 1), [told]);
  t.match(await warningsFor(withReplicas(1), 2), [told]);
  t.same(await warningsFor(withReplicas(2), 2), []);
});
