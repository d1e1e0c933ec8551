import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A proxy of one port that can drop all data, as a broken network does. */
export interface TcpProxy {
  readonly port: number;
  /** Drops all data from now on and closes no connection, so that neither end notices. */
  readonly partition: () => void;
}

/** `target` is the port of the server, or returns it for each connection. `rewrite` may change each chunk that the server sends. */
export async function startProxy(
  t: Test,
  target: number | (() => number),
  rewrite: (chunk: string) => string = (chunk) => chunk,
): Promise<TcpProxy> {
  let isParted = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(typeof target === 'number' ? target : target(), '127.0.0.1');
    for (const [from, to, passing] of [
      [client, upstream, (chunk: string) => chunk],
      [upstream, client, rewrite],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.on('data', (chunk) => {
        if (!isParted) {
          to.write(passing(chunk.toString('latin1')), 'latin1');
        }
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    partition: () => {
      isParted = true;
    },
  };
}
