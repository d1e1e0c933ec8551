import { readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { freePort, startListening } from '../../helpers/ports.ts';
import { program } from '../../helpers/programs.ts';
import { command, until } from '../../helpers/redis-group.ts';
import { startRedis } from '../../helpers/redis-server.ts';
import { record } from '../../helpers/service.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { openSessions } from '../../stores/redis/connect.ts';

const operation = readFileSync(new URL('../../../docs/operation.md', import.meta.url), 'utf8');

/** The lines of a file in docs/operation.md. The processes of a test have one address, so `bind` is left out. */
function linesOf(comment: string): string[] {
  const [, block = ''] = new RegExp(`^# ${comment}.*\n([^\`]*)\`\`\``, 'm').exec(operation) ?? [];
  return block
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('bind '));
}

const [everywhere, ofReplicas, ofSentinels] = [
  linesOf('redis.conf of each machine'),
  linesOf('redis.conf of 10.0.0.2 and 10.0.0.3 only'),
  linesOf('sentinel.conf of each machine'),
];

/** The settings of a file as arguments of redis-server. */
const toArguments = (lines: string[]) => lines.flatMap((line) => `--${line}`.split(' '));

async function startSentinel(t: Test, primaryPort: number): Promise<number> {
  const port = await freePort();
  const file = `${temporaryDirectory(t)}/sentinel.conf`;
  const lines = ofSentinels.map((line) => line.replace('10.0.0.1 6379', `127.0.0.1 ${primaryPort}`));
  writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', ...lines].join('\n'));
  await startListening(t, port, program(t, 'redis-server') as string, [file, '--sentinel']);
  return port;
}

t.test('the example of Sentinels in docs/operation.md fails over, and the log names both servers', async (t) => {
  const first = await startRedis(t, [...toArguments(everywhere), '--repl-diskless-sync-delay', '0']);
  if (first === undefined) {
    return;
  }
  const replicaOf = toArguments(ofReplicas).map(
    (word) => ({ '10.0.0.1': '127.0.0.1', '6379': String(first.port) })[word] ?? word,
  );
  const replicas = await Promise.all([0, 1].map(() => startRedis(t, [...toArguments(everywhere), ...replicaOf])));
  const onFirst = { url: first.url.replace('//', '//:PASSWORD@') };
  await until(async () => String(await command(onFirst, 'INFO', 'replication')).includes('connected_slaves:2'));
  const sentinels = await Promise.all([0, 1, 2].map(() => startSentinel(t, first.port)));
  const [, form = ''] = /^STORE_URL=(redis\+sentinel:.*)$/m.exec(operation) ?? [];
  const url = form.replace(/10\.0\.0\.(\d)/g, (_, machine) => `127.0.0.1:${sentinels[machine - 1]}`);

  const { connection, store, lines } = await openSessions(t, { url });
  t.same(lines, []);
  const later = record({ expiresAt: Date.now() + 600_000 });
  t.equal(await store.create(later), true);
  await command(onFirst, 'WAIT', '2', '10000');
  await until(async () => {
    const reply = (await command(
      { url: `redis://127.0.0.1:${sentinels[0]}` },
      'SENTINEL',
      'MASTER',
      'main',
    )) as string[];
    return reply[reply.indexOf('num-slaves') + 1] === '2' && reply[reply.indexOf('num-other-sentinels') + 1] === '2';
  });
  await first.kill();
  await until(async () => lines.some(({ message }) => message === 'the connection to the store is back'));
  const [lost, ...others] = lines;
  t.match(lost, { message: 'the connection to the store is lost', details: { server: `127.0.0.1:${first.port}` } });
  const servers = others.map(({ details }) => (details as { server?: string }).server);
  t.ok(
    replicas.some((replica) => servers.includes(`127.0.0.1:${replica?.port}`)),
    String(servers),
  );
  await until(() => connection.ping().then(() => true));
  t.same(await store.find('id'), later);
  t.notMatch(JSON.stringify(lines), 'PASSWORD');
});
