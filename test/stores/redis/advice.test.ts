import t from 'tap';
import { adviseOnSettings } from '../../../src/stores/redis/advice.ts';
import { StoreNotOpened } from '../../../src/stores/store-not-opened.ts';

// Servers that no package has for us any more: what they say of themselves.

async function advice(info: () => Promise<string>): Promise<string[]> {
  const warnings: string[] = [];
  await adviseOnSettings(info, { info() {}, warn: (_details, message) => warnings.push(message) });
  return warnings;
}

const server = (version: string) =>
  `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n`;

t.test('a server from before 6.2 is refused', async (t) => {
  for (const version of ['2.8.24', '5.0.14', '6.0.16', '6.1.240', '']) {
    await t.rejects(
      advice(async () => server(version)),
      StoreNotOpened,
      version,
    );
  }
});

t.test('a server that does not say what it is, is refused', async (t) => {
  const silent = advice(async () => '# Server\r\nuptime:5\r\n');
  await t.rejects(silent, { message: /this server is unknown/ });
});

t.test('Redis 6.2 and newer will do, and Valkey, which says 7.2.4', async (t) => {
  for (const version of ['6.2.0', '7.0.15', '7.2.4', '8.0.0', '10.1']) {
    t.same(await advice(async () => server(version)), [], version);
  }
});

t.test('a server that does not show its settings is taken, with a word', async (t) => {
  const warnings = await advice(async () => {
    throw new Error('NOPERM');
  });
  t.match(warnings, [/^the settings of the store cannot be read/]);
});
