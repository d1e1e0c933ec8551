import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { listenForMetrics } from '../../src/metrics/listener.ts';
import { parseSamples } from '../helpers/metrics.ts';
import { freePort } from '../helpers/ports.ts';
import { exchange } from '../helpers/server-process.ts';
import { register } from '../helpers/service.ts';

/** Starts the service and the listener in this process, in the order of `src/server.ts`. */
async function start(t: Test, METRICS: string) {
  const log: string[] = [];
  const { app, config } = await register(t, { log, env: { LOG_LEVEL: 'info', DOCS: 'off', METRICS } });
  await listenForMetrics(app, config);
  return { app, log, publicUrl: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

async function startWithMetrics(t: Test, host = '127.0.0.1') {
  const port = await freePort();
  const started = await start(t, host === '' ? String(port) : `${host}:${port}`);
  return { ...started, port, url: `http://127.0.0.1:${port}/metrics` };
}

t.test('the metrics of the service are on an address of their own, and not on the public one', async (t) => {
  const { log, publicUrl, port, url } = await startWithMetrics(t);
  t.equal((await fetch(`${publicUrl}/welcome`)).status, 401);
  const reply = await fetch(url);
  t.equal(reply.status, 200);
  t.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(reply.headers.get('cache-control'), 'no-store');
  const samples = parseSamples(await reply.text());
  t.equal(samples.get('login_http_request_duration_seconds_count{method="GET",route="/welcome",status="401"}'), 1);
  t.equal((await fetch(`${publicUrl}/metrics`)).status, 404);
  t.equal((await fetch(`http://127.0.0.1:${port}/welcome`)).status, 404);
  t.equal((await fetch(url, { method: 'POST' })).status, 405);
  t.equal((await fetch(url, { method: 'HEAD' })).status, 405);
  t.ok(log.some((line) => line.includes(`"msg":"metrics are served at http://127.0.0.1:${port}/metrics"`)));
  const later = parseSamples(await (await fetch(url)).text());
  t.notOk(
    [...later.keys()].some((name) => name.includes('route="/metrics"')),
    'a scrape is no request of the service',
  );
});

t.test('a port alone listens on 127.0.0.1, and so does localhost', async (t) => {
  for (const host of ['', 'localhost']) {
    const { url } = await startWithMetrics(t, host);
    t.equal((await fetch(url)).status, 200);
  }
});

t.test('the listener has the limits of the service: broken requests and many connections', async (t) => {
  const { port, url } = await startWithMetrics(t);
  t.match(await exchange(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"MALFORMED_REQUEST"|^HTTP\/1\.1 400 /s);
  const sockets = Array.from({ length: 21 }, () => connect(port, '127.0.0.1'));
  t.teardown(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  // The 21st connection closes the oldest one that waits.
  await Promise.race(sockets.map((socket) => once(socket, 'close')));
  t.equal((await fetch(url)).status, 200);
});

t.test('the listener closes with the service', async (t) => {
  const { app, url } = await startWithMetrics(t);
  await (await fetch(url)).text();
  await app.close();
  await t.rejects(fetch(url));
});

t.test('an address that cannot be used prevents the start, with the reason', async (t) => {
  const { port } = await startWithMetrics(t);
  const METRICS = `127.0.0.1:${port}`;
  await t.rejects(start(t, METRICS), {
    name: 'ConfigError',
    message: `METRICS is ${METRICS}: the port is in use by another program. Stop that program, or set METRICS to another port.`,
  });
  // 192.0.2.0/24 is for documentation: no machine has such an address.
  await t.rejects(start(t, '192.0.2.1:9464'), {
    name: 'ConfigError',
    message:
      'METRICS is 192.0.2.1:9464: this machine cannot listen there (EADDRNOTAVAIL). Example: METRICS=127.0.0.1:9464',
  });
});
