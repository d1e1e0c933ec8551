import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import t, { type Test } from 'tap';
import { connections, openFileLimit } from '../../src/plugins/connections.ts';
import { exchange } from '../helpers/server-process.ts';
import { build } from '../helpers/service.ts';

const GET = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

async function portOf(app: FastifyInstance): Promise<number> {
  return Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
}

/** A client that keeps its side of the connection open. */
function open(t: Test, port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  t.teardown(() => socket.destroy());
  return socket;
}

const connectionCount = (app: FastifyInstance) =>
  new Promise<number>((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

t.test('a connection that was answered 4xx by the parser ends, also if the client keeps its side open', async (t) => {
  const app = await build(t);
  const socket = open(t, await portOf(app));
  const reply = once(socket, 'data');
  const accepted = once(app.server, 'connection');
  socket.write('nonsense\r\n\r\n');
  const [ours] = (await accepted) as [Socket];
  const closed = once(ours, 'close');
  t.match(String(await reply), /^HTTP\/1.1 400 .*"code":"BAD_REQUEST"/s);
  await closed;
  t.equal(await connectionCount(app), 0);
});

t.test('one connection more than the limit closes the oldest that waits for a request or for its rest', async (t) => {
  const app = await build(t, { env: { MAX_CONNECTIONS: '10' } });
  const port = await portOf(app);
  const clients: Socket[] = [];
  for (let i = 0; i < 10; i++) {
    const client = open(t, port);
    const accepted = once(app.server, 'connection');
    clients.push(client);
    client.write(
      ['', 'GET /', `POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`][
        i % 3
      ] as string,
    );
    await accepted;
  }
  const ended = once((clients[0] as Socket).resume(), 'end');
  t.match(await exchange(port, GET('/livez', 'Connection: close\r\n')), /^HTTP\/1.1 200 /);
  await ended;
  t.equal(await connectionCount(app), 9, 'no other was closed');
});

t.test('when no connection waits for a request, the oldest one with a reply that is not read is closed', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(connections, { maxConnections: 2 });
  app.get('/large', async () => Buffer.alloc(64 * 1024 * 1024));
  const port = await portOf(app);
  const greedy = [open(t, port).pause(), open(t, port).pause()];
  for (const client of greedy) {
    const sent = once(app.server, 'request');
    client.write(GET('/large'));
    const [, { socket }] = await sent;
    while (socket.writableLength === 0) {
      await new Promise(setImmediate);
    }
  }
  t.match(await exchange(port, GET('/nothing', 'Connection: close\r\n')), /^HTTP\/1.1 404 /);
});

t.test('a closing server answers a request that has arrived, also after the grace period for slow ones', async (t) => {
  const app = Fastify();
  await app.register(connections, { maxConnections: 10 });
  const arrived = new EventEmitter();
  app.get('/wait', (_request, reply) => {
    arrived.emit('request', reply);
  });
  app.post('/body', async () => 'never');
  const port = await portOf(app);
  const client = open(t, port);
  const request = once(arrived, 'request') as Promise<[FastifyReply]>;
  client.write(GET('/wait'));
  const [reply] = await request;
  const started = once(app.server, 'request');
  const slow = open(t, port).resume();
  slow.write('POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
  await started;
  const gone = once(slow, 'end');
  const closed = app.close();
  await gone;
  reply.send('done');
  t.match(String((await once(client, 'data'))[0]), /connection: close.*done$/s);
  await closed;
});

t.test('when all connections wait for their reply, a new one is closed', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(connections, { maxConnections: 1 });
  const arrived = new EventEmitter();
  app.get('/wait', (_request, reply) => {
    arrived.emit('request', reply);
  });
  const port = await portOf(app);
  const waiting = open(t, port);
  const [[reply]] = await Promise.all([
    once(arrived, 'request') as Promise<[FastifyReply]>,
    waiting.write(GET('/wait')),
  ]);
  await once(open(t, port).resume(), 'end');
  reply.send('done');
  t.match(String((await once(waiting, 'data'))[0]), /done$/);
});

t.test('a client that sends request after request and reads no reply is cut off', async (t) => {
  const app = await build(t);
  const port = await portOf(app);
  let started = 0;
  app.server.on('request', () => started++);
  const greedy = open(t, port).pause();
  greedy.write(GET('/docs/json').repeat(1000));
  const [ours] = (await once(app.server, 'connection')) as [Socket];
  await once(ours, 'close');
  t.ok(started > 32);
  t.equal((await app.inject('/docs/json')).statusCode, 200);
});

t.test('replies that wait for an earlier one of their connection end with it, and close what they read', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(connections, { maxConnections: 10 });
  const file = new Readable({ read() {} });
  const asked = new EventEmitter();
  app.get('/never', () => new Promise(() => {}));
  app.get('/file', async () => {
    setImmediate(() => asked.emit('file'));
    return file;
  });
  const client = open(t, await portOf(app));
  client.write(GET('/never') + GET('/file'));
  await once(asked, 'file');
  client.destroy();
  await once(file, 'close');
  t.equal(file.destroyed, true);
});

t.test('draining: readiness fails, and all requests are answered', async (t) => {
  const app = await build(t);
  t.equal((await app.inject('/readyz')).statusCode, 200);
  t.equal(app.draining, false);
  app.drain();
  t.equal(app.draining, true);
  const ready = await app.inject('/readyz');
  t.match(ready.json(), { statusCode: 503, code: 'SHUTTING_DOWN' });
  t.equal((await app.inject('/livez')).statusCode, 200);
  const payload = { username: 'user1', password: 'password1' };
  const signedIn = await app.inject({ method: 'POST', url: '/signin', payload });
  t.equal(signedIn.statusCode, 200);
});

t.test('a client that resets its connection keeps its address in the log', async (t) => {
  const log: string[] = [];
  const app = await build(t, { log, env: { LOG_LEVEL: 'info' } });
  const client = open(t, await portOf(app));
  const body = JSON.stringify({ username: 'user1', password: 'wrong' });
  const head = `POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const accepted = once(app.server, 'connection');
  client.write(head + body, () => client.resetAndDestroy());
  await accepted;
  const failure = async () => log.find((line) => line.includes('authn_login_fail'));
  while ((await failure()) === undefined) {
    await new Promise(setImmediate);
  }
  t.match(JSON.parse((await failure()) ?? '{}'), { address: '127.0.0.1', username: 'user1' });
});

t.test('the limit of open files is a number, or there is none', async (t) => {
  t.equal(openFileLimit({ userLimits: { open_files: { soft: 256 } } }), 256);
  t.equal(openFileLimit({ userLimits: { open_files: { soft: 'unlimited' } } }), Number.POSITIVE_INFINITY);
  t.equal(openFileLimit({}), Number.POSITIVE_INFINITY);
});
