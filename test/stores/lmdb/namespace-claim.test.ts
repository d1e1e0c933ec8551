import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { NamespaceClaim } from '../../../src/stores/lmdb/namespace-claim.ts';
import { newPidNamespace } from '../../helpers/mounts.ts';
import { NODE_ARGUMENTS } from '../../helpers/server-process.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { listeningLog } from '../redis/connect.ts';

/** Links that name two PID namespaces, as /proc/self/ns/pid does. */
function namespaces(t: Test): [one: string, other: string] {
  const directory = temporaryDirectory(t);
  symlinkSync('pid:[4026531836]', `${directory}/one`);
  symlinkSync('pid:[4026532178]', `${directory}/other`);
  return [`${directory}/one`, `${directory}/other`];
}

const isLinux = process.platform === 'linux';

t.test('processes of one PID namespace share the store, another one is refused', { skip: !isLinux }, async (t) => {
  const path = `${temporaryDirectory(t)}/new`;
  const [one, other] = namespaces(t);
  const { log, lines } = listeningLog();
  const claims = [await NamespaceClaim.take(path, log, one), await NamespaceClaim.take(path, log, one)];
  writeFileSync(`${path}/another-file`, '');
  await t.rejects(NamespaceClaim.take(path, log, other), {
    message: /^a process in another PID namespace, such as another container, has it open/,
  });
  for (const claim of claims) {
    await claim?.release();
  }
  const next = await NamespaceClaim.take(path, log, other);
  await next?.release();
  t.same(readdirSync(path), ['another-file']);
  t.same(lines, []);
});

t.test('a process that was killed does not prevent a start', { skip: !isLinux }, async (t) => {
  const path = temporaryDirectory(t);
  const [one, other] = namespaces(t);
  const script = `
    import { NamespaceClaim } from './src/stores/lmdb/namespace-claim.ts';
    await NamespaceClaim.take(${JSON.stringify(path)}, console, ${JSON.stringify(one)});
    process.kill(process.pid, 'SIGKILL');`;
  t.throws(() => execFileSync(process.execPath, [...NODE_ARGUMENTS, '--input-type=module', '--eval', script]));
  t.equal(readdirSync(path).length, 1);
  const claim = await NamespaceClaim.take(path, listeningLog().log, other);
  t.equal(readdirSync(path).length, 1, 'the stale file is removed');
  await claim?.release();
});

t.test('without PID namespaces, or without sockets in the file system, nothing is checked', async (t) => {
  const { log, warnings } = listeningLog();
  t.equal(await NamespaceClaim.take(temporaryDirectory(t), log, '/nowhere'), undefined);
  t.same(warnings(), []);
  if (isLinux) {
    t.equal(await NamespaceClaim.take('/proc/self', log), undefined);
    t.same(warnings(), ['it cannot be checked whether another container uses the store']);
  }
});

t.test('the path of the directory may be long', { skip: !isLinux }, async (t) => {
  const path = `${temporaryDirectory(t)}/${'x'.repeat(100)}/${'y'.repeat(100)}`;
  const { log, lines } = listeningLog();
  const claim = await NamespaceClaim.take(path, log);
  t.equal(readdirSync(path).length, 1);
  t.same(lines, []);
  await claim?.release();
});

t.test('two containers on one directory: the second is refused at its start', async (t) => {
  const unshare = newPidNamespace(t);
  if (unshare === undefined) {
    return;
  }
  const path = temporaryDirectory(t);
  const script = `
    import { openStores } from './src/stores/open-stores.ts';
import { closeStores } from './src/stores/stores.ts';
    const stores = await openStores('lmdb:${path}').catch((error) => console.log(error.message));
    if (stores) {
      console.log('open as', process.pid);
      process.stdin.on('data', () => {}).on('end', () => closeStores(stores));
    }`;
  const [command = '', ...args] = [
    ...unshare,
    process.execPath,
    ...NODE_ARGUMENTS,
    '--input-type=module',
    '--eval',
    script,
  ];
  const first = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.match(String((await once(first.stdout, 'data'))[0]), 'open as 1');
  const told = execFileSync(command, args, { encoding: 'utf8', input: '' });
  t.match(told, /cannot be opened: a process in another PID namespace, such as another container, has it open/);
  first.stdin.end();
  await once(first, 'close');
  t.match(execFileSync(command, args, { encoding: 'utf8', input: '' }), 'open as 1');
});
