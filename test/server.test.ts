import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import t from 'tap';
import { MEASURED } from './helpers/built-command.ts';
import { freePort } from './helpers/ports.ts';
import { exchange, received, run, startServer } from './helpers/server-process.ts';
import { USER1 } from './helpers/service.ts';
import { temporaryDirectory } from './helpers/temporary-directory.ts';

const CREDENTIALS = JSON.stringify(USER1);
/** A whole request. Once it is answered, the server has accepted what other connections sent before it. */
const WELCOME = 'GET /welcome HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

// Most of these tests stop their process, so each starts one. Two at a time: one of them waits for ten seconds.
t.jobs = 2;

const metricsPort = await freePort();

/** For the tests that do not stop the server. */
const shared = startServer(t, { ...MEASURED, METRICS: String(metricsPort) });

t.test('it listens, logs one line with the address, and serves the walk of the README', async (t) => {
  const server = await shared;
  t.match(JSON.parse(server.log.at(-1) ?? '{}'), {
    msg: `Server listening at http://127.0.0.1:${server.port}`,
  });
  t.equal(server.log.length, 3, 'that line, the address of the metrics and the warning of the demo users');

  const url = `http://127.0.0.1:${server.port}`;
  const headers = { 'content-type': 'application/json' };
  const signedIn = await fetch(`${url}/signin`, { method: 'POST', headers, body: CREDENTIALS });
  t.equal(signedIn.status, 200);
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  t.equal(await (await fetch(`${url}/welcome`, { headers: { cookie } })).text(), 'Welcome user1!');
  const refreshed = await fetch(`${url}/refresh`, { method: 'POST', headers: { cookie } });
  const next = refreshed.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  t.equal((await fetch(`${url}/welcome`, { headers: { cookie } })).status, 401);
  t.equal((await fetch(`${url}/logout`, { headers: { cookie: next } })).status, 200);
  t.equal((await fetch(`${url}/welcome`, { headers: { cookie: next } })).status, 401);
});

t.test('the metrics are served on the address of METRICS only', async (t) => {
  const { port } = await shared;
  t.equal((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status, 200);
  t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 404);
});

t.test('a request that is not HTTP is 400 and one with long headers is 431, in the shape of our errors', async (t) => {
  const { port } = await shared;
  const cases = [
    ['nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    ['GET /welcome HTTP/9.9\r\n\r\n', 400, 'BAD_REQUEST'],
    ['GET /welcome HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400, 'BAD_REQUEST'],
    ['FROB /welcome HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'BAD_REQUEST'],
    [`GET /welcome HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(40_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ] as const;
  for (const [bytes, statusCode, code] of cases) {
    const answer = await exchange(port, bytes);
    t.match(answer, new RegExp(`^HTTP/1.1 ${statusCode} `), bytes.slice(0, 40));
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    t.match(JSON.parse(body), { statusCode, code, error: String, message: String });
  }
});

t.test('a request that never completes delays the shutdown by at most the grace period', async (t) => {
  const server = await startServer(t);
  const half = connect(server.port, '127.0.0.1');
  half.write(
    'POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await exchange(server.port, WELCOME);
  server.child.kill('SIGTERM');
  t.equal(await server.exited, 0);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`on ${signal} it closes idle connections, answers the requests that have begun, and exits 0`, async (t) => {
    const server = await startServer(t, MEASURED);
    const connection = () => connect(server.port, '127.0.0.1');
    const [silent, idle, headers, body] = [connection(), connection(), connection(), connection()];
    const silentAnswer = received(silent);
    idle.write('GET /welcome HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const idleAnswer = received(idle);
    await once(idle, 'data');
    headers.write('GET /welcome HTTP/1.1\r\nHost: localhost\r\n');
    const headersAnswer = received(headers);
    const head = [
      'POST /signin HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${CREDENTIALS.length}`,
    ];
    body.write(`${head.join('\r\n')}\r\n\r\n${CREDENTIALS.slice(0, 10)}`);
    const bodyAnswer = received(body);
    await exchange(server.port, WELCOME);
    server.child.kill(signal);

    await server.logged('stopping');
    t.equal(await silentAnswer, '', 'a connection that sent nothing is closed first');
    t.match(await idleAnswer, /^HTTP\/1.1 401 /, 'and an idle keep-alive connection');
    headers.write('\r\n');
    t.match(await headersAnswer, /^HTTP\/1.1 401 .*"code":"NOT_SIGNED_IN"/s);
    body.write(CREDENTIALS.slice(10));
    t.match(await bodyAnswer, /^HTTP\/1.1 200 OK\r\n.*set-cookie: session_token=/s);
    t.equal(await server.exited, 0);
    t.match(JSON.parse(server.log.at(-1) ?? '{}'), { msg: 'stopped' });
  });
}

t.test('a crash ends the process at once, by its signal', async (t) => {
  const server = await startServer(t);
  server.child.kill('SIGSEGV');
  t.equal(await server.exited, 'SIGSEGV');
});

t.test('a log without a reader neither stops the service nor prevents its shutdown', async (t) => {
  const server = await startServer(t);
  server.child.stdout?.destroy();
  const request = 'GET /logout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  t.match(await exchange(server.port, request), /^HTTP\/1.1 401 /);
  server.child.kill('SIGTERM');
  t.equal(await server.exited, 0);
});

t.test('a port that is in use stops the start with a message and exit code 1', async (t) => {
  const { port } = await shared;
  const second = run(t, 'server.js', { ...MEASURED, HOST: '127.0.0.1', PORT: String(port) });
  t.equal(await second.exited, 1);
  t.match(
    second.complaints(),
    `Port ${port} on 127.0.0.1 is in use by another program. Stop that program, or set PORT.`,
  );
  t.notMatch(second.complaints(), '    at ', 'no stack');
});

t.test('a wrong setting stops the start with a message and exit code 1', async (t) => {
  const server = run(t, 'server.js', { SESSION_IDLE_SECONDS: 'two minutes' });
  t.equal(await server.exited, 1);
  t.match(server.complaints(), /^SESSION_IDLE_SECONDS is "two minutes": it must be a whole number of seconds/);
  t.notMatch(server.complaints(), '    at ');
});

t.test('a store that cannot be opened stops the start with a message and exit code 1', async (t) => {
  const server = run(t, 'server.js', { STORE_URL: 'lmdb:/dev/null' });
  t.equal(await server.exited, 1);
  t.match(server.complaints(), /^The LMDB store in \/dev\/null cannot be opened: .* STORE_URL must be lmdb:/);
  t.notMatch(server.complaints(), '    at ');
});

t.test('a .env that cannot be read stops the start with a message', async (t) => {
  const folder = "data:text/javascript,import { mkdirSync } from 'node:fs'; mkdirSync('.env')";
  const server = run(t, 'server.js', {}, [`--import=${folder}`]);
  t.equal(await server.exited, 1);
  t.match(server.complaints(), /^The file .*\.env cannot be read: EISDIR/);
  t.notMatch(server.complaints(), '    at ');
});

t.test('an unexpected error stops the start with its stack', async (t) => {
  const broken =
    "data:text/javascript,import dns from 'node:dns/promises'; import { syncBuiltinESMExports } from 'node:module';" +
    "dns.lookup = () => { throw new Error('boom'); }; syncBuiltinESMExports();";
  const server = run(t, 'server.js', { ...MEASURED, HOST: 'localhost' }, [`--import=${broken}`]);
  t.equal(await server.exited, 1);
  t.match(server.complaints(), /boom.* {4}at /s);
});

t.test('the log names the .env that was read', async (t) => {
  const file = "data:text/javascript,import { writeFileSync } from 'node:fs'; writeFileSync('.env', 'LOG_LEVEL=info')";
  const server = run(t, 'server.js', { ...MEASURED, HOST: '127.0.0.1' }, [`--import=${file}`]);
  t.match(JSON.parse(await server.logged('settings were read')), { file: /\.env$/ });
  await server.logged('listening at');
});

t.test('demo users are refused where others can reach the service', async (t) => {
  const server = run(t, 'server.js', { ...MEASURED, HOST: '127.0.0.1', NODE_ENV: 'production' });
  t.equal(await server.exited, 1);
  t.match(
    server.complaints(),
    /^STORE_URL is memory:, where only the demo users exist\. They are off, because .*DEMO_USERS=on/,
  );
});

t.test(
  'on SIGTERM readiness fails, and requests are served for DRAIN_SECONDS; a second signal ends it at once',
  async (t) => {
    const server = await startServer(t, { ...MEASURED, DRAIN_SECONDS: '60' });
    const url = `http://127.0.0.1:${server.port}`;
    t.equal((await fetch(`${url}/readyz`)).status, 200);
    server.child.kill('SIGTERM');
    await server.logged('stopping');
    t.equal((await fetch(`${url}/readyz`)).status, 503);
    const response = await fetch(`${url}/signin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: CREDENTIALS,
    });
    t.equal(response.status, 200);
    server.child.kill('SIGTERM');
    t.equal(await server.exited, 1);
  },
);

t.test('after DRAIN_SECONDS it ends by itself', async (t) => {
  const server = await startServer(t, { ...MEASURED, DRAIN_SECONDS: '1' });
  server.child.kill('SIGTERM');
  t.equal(await server.exited, 0);
  t.match(JSON.parse(server.log.at(-1) ?? '{}'), { msg: 'stopped' });
});

t.test('an uncaught error is logged, and the process ends with exit code 1', async (t) => {
  const failLater = "data:text/javascript,process.on('SIGUSR2', () => { throw new Error('boom'); })";
  const server = run(t, 'server.js', { ...MEASURED, HOST: '127.0.0.1' }, [`--import=${failLater}`]);
  await server.logged('listening at');
  server.child.kill('SIGUSR2');
  t.equal(await server.exited, 1);
  t.match(JSON.parse(await server.logged('uncaught error')), { level: 60, err: { message: 'boom' } });
});

t.test('a signal during the start stops it', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const env = {
    HOST: '127.0.0.1',
    STORE_URL: `redis://127.0.0.1:${port}`,
    STORE_TIMEOUT_MS: '60000',
    DRAIN_SECONDS: '60',
  };
  const server = run(t, 'server.js', env);
  await once(silent, 'connection');
  server.child.kill('SIGTERM');
  await server.logged('stopping');
  t.notMatch(server.log.join(''), 'drain is not');
  server.child.kill('SIGTERM');
  await server.exited;
});

t.test('the service listens on the socket that systemd passes', { skip: process.platform !== 'linux' }, async (t) => {
  // A shell sets the process id, as systemd does.
  const systemd = ['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh'];
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const env = { ...MEASURED, LISTEN: 'systemd', DOCS: 'off', DEMO_USERS: 'on' };
  const server = run(t, 'server.js', env, [], systemd, [fd]);
  listener.close();
  await server.logged('listening at');
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);

  const file = openSync('/dev/null', 'r');
  const refused = run(t, 'server.js', env, [], systemd, [file]);
  closeSync(file);
  t.equal(await refused.exited, 1);
  t.match(refused.complaints(), /^LISTEN is "systemd": the socket cannot be used \(E[A-Z]+\)\.\n$/);

  const onPath = createServer().listen(`${temporaryDirectory(t)}/login.sock`);
  await once(onPath, 'listening');
  const unix = run(t, 'server.js', env, [], systemd, [(onPath as unknown as { _handle: { fd: number } })._handle.fd]);
  onPath.close();
  t.equal(await unix.exited, 1);
  t.match(unix.complaints(), /^LISTEN is "systemd": the socket is a Unix socket\. Set ListenStream= to a port/);
});
