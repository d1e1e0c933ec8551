import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { parseConfig } from '../src/config.ts';
import { listen } from '../src/listen.ts';
import { connections } from '../src/plugins/connections.ts';
import { accepting, freePort } from './helpers/ports.ts';
import { exchange } from './helpers/server-process.ts';

async function newApp(t: Test) {
  const log: string[] = [];
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => void log.push(line) } } });
  t.teardown(() => app.close());
  await app.register(connections, { maxConnections: 100 });
  app.get('/', async ({ ip }) => ip);
  return { app, log };
}

t.test('every address of localhost is served by one server, with the same limits', async (t) => {
  const { app } = await newApp(t);
  const addresses = async () => ['127.0.0.1', '127.0.0.2'];
  await listen(app, parseConfig({ PORT: String(await freePort()) }), addresses);
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
  await listen(second, parseConfig({ PORT }), async () => ['127.0.0.2', '127.0.0.1']);
  t.ok(lines.some((line) => line.includes('cannot listen on another address')));
  t.notOk(log.some((line) => line.includes('cannot listen')));
});
