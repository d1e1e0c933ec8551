import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { parseConfig } from '../src/config.ts';
import { parseTrustProxy } from '../src/http/trusted-proxies.ts';
import { listen } from '../src/listen.ts';
import { connections } from '../src/plugins/connections.ts';
import { accepting, freePort } from './helpers/ports.ts';
import { exchange } from './helpers/server-process.ts';
import { temporaryDirectory } from './helpers/temporary-directory.ts';

async function newApp(t: Test) {
  const log: string[] = [];
  const app = Fastify({
    trustProxy: parseTrustProxy('unix'),
    logger: { level: 'info', stream: { write: (line: string) => void log.push(line) } },
  });
  t.teardown(() => app.close());
  await app.register(connections, { maxConnections: 100 });
  app.get('/', async ({ ip }) => ip);
  return { app, log };
}

t.test('every address of localhost is served by one server, with the same limits', async (t) => {
  const { app } = await newApp(t);
  const addresses = async () => ['127.0.0.1', '127.0.0.2'];
  await listen(app, parseConfig({ PORT: String(await freePort()) }), {}, addresses);
  const { port } = app.server.address() as AddressInfo;
  for (const address of await addresses()) {
    t.equal(await (await fetch(`http://${address}:${port}/`)).text(), '127.0.0.1');
  }
  const unanswered = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000);
  t.ok((await exchange(port, unanswered, '127.0.0.2')).length < 32 * 1000, 'cut off');
  await app.close();
  await t.rejects(fetch(`http://127.0.0.2:${port}/`), 'both are closed');
});

t.test('localhost is looked up, and an address of it that is in use is left out with a warning', async (t) => {
  const { app, log } = await newApp(t);
  const PORT = String(await freePort());
  await listen(app, parseConfig({ PORT }));
  await accepting(Number(PORT));
  t.equal(app.addresses().length, 1);
  t.ok((await lookup('localhost', { all: true })).length > 0);
  const { app: second, log: lines } = await newApp(t);
  await listen(second, parseConfig({ PORT }), {}, async () => ['127.0.0.2', '127.0.0.1']);
  t.ok(lines.some((line) => line.includes('cannot listen on another address')));
  t.notOk(log.some((line) => line.includes('cannot listen')));
});

t.test('a HOST that is not an address of this machine is a ConfigError', async (t) => {
  for (const HOST of ['192.0.2.1', 'nowhere.invalid', 'a b']) {
    const { app } = await newApp(t);
    await t.rejects(listen(app, parseConfig({ HOST, PORT: '0', DEMO_USERS: 'on' })), {
      name: 'ConfigError',
      message: `HOST is "${HOST}" and PORT is 0: this machine cannot listen there`,
    });
  }
});

/** Sends a request to a Unix socket. */
async function get(socketPath: string, headers = {}): Promise<string> {
  const [reply] = (await once(request({ socketPath, headers }).end(), 'response')) as [IncomingMessage];
  return text(reply);
}

const onSocket = (path: string, TRUST_PROXY = 'unix') => parseConfig({ LISTEN: `unix:${path}`, TRUST_PROXY });

t.test('a Unix socket is for the owner and the group, and a stale one is replaced', async (t) => {
  const path = `${temporaryDirectory(t)}/login.sock`;
  const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['--eval', script, path]);
  t.ok(statSync(path).isSocket(), 'a process that was killed leaves it');
  const { app } = await newApp(t);
  await listen(app, onSocket(path));
  t.equal(statSync(path).mode & 0o777, 0o660);
  t.equal(await get(path, { 'x-forwarded-for': '203.0.113.5' }), '203.0.113.5');

  const { app: second } = await newApp(t);
  await t.rejects(listen(second, onSocket(path)), {
    name: 'ConfigError',
    message: `LISTEN is "unix:${path}": another program uses the path. Stop that program, or set another path.`,
  });
  t.equal(await get(path, { 'x-forwarded-for': '203.0.113.5' }), '203.0.113.5', 'the first one still serves it');
  await app.close();
  t.notOk(existsSync(path));
});

t.test('a path that cannot be a socket stops the start', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(`${directory}/file`, 'kept');
  const refused: [path: string, message: RegExp][] = [
    [`${directory}/file`, /: the path exists and is not a socket\. Set another path\.$/],
    [directory, /: the path exists and is not a socket\. Set another path\.$/],
    [`${directory}/file/login.sock`, /: the directory .*\/file does not exist\.$/],
    [`${directory}/missing/login.sock`, /: the directory .*\/missing does not exist\.$/],
    ['/proc/login.sock', /this machine cannot listen there \(E\w+\)\. Example: LISTEN=unix:/],
    [`${directory}/${'x'.repeat(108)}`, /: the path of a socket has at most 107 bytes\.$/],
  ];
  for (const [path, message] of refused) {
    const { app } = await newApp(t);
    await t.rejects(listen(app, onSocket(path)), { name: 'ConfigError', message });
  }
  t.equal(readFileSync(`${directory}/file`, 'utf8'), 'kept');
  t.throws(() => onSocket(`${directory}/login.sock`, 'loopback'), {
    name: 'ConfigError',
    message: /TRUST_PROXY is "loopback": .* Example: TRUST_PROXY=unix$/,
  });
});

t.test('LISTEN=systemd needs one socket for this process', async (t) => {
  const config = parseConfig({ LISTEN: 'systemd' });
  for (const env of [
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_PID: '1', LISTEN_FDS: '1' },
    { LISTEN_PID: `${process.pid}`, LISTEN_FDS: '2' },
  ]) {
    const { app } = await newApp(t);
    await t.rejects(listen(app, config, env), {
      name: 'ConfigError',
      message: /^LISTEN is "systemd": systemd has not passed/,
    });
  }
});
