import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { exchange, run } from '../helpers/server-process.ts';

// Rule 8 of the design: a limit is enforced where the resource is spent.

t.test('with few descriptors and more silent clients than that, the service still answers', async (t) => {
  const limited = run(t, 'server.js', { HOST: '127.0.0.1' }, [], ['bash', '-c', 'ulimit -n 256; exec "$@"', 'bash']);
  const port = Number(/:(\d+)"/.exec(await limited.logged('listening at'))?.[1]);
  const silent: Socket[] = [];
  t.teardown(() => silent.forEach((socket) => void socket.destroy()));
  for (let i = 0; i < 300; i++) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    silent.push(socket);
    await once(socket, 'connect');
  }
  for (let i = 0; i < 20; i++) {
    const reply = await exchange(port, 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    t.match(reply, /^HTTP\/1.1 200 /);
  }
});
