import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** A proxy of one port that can lose what passes through it, as a network does. */
export interface TcpProxy {
  readonly port: number;
  /** From now on nothing passes and nothing is closed: neither end notices. */
  readonly partition: () => void;
}

/** `filter` says of each chunk from the server whether it may pass. */
export async function startProxy(
  t: Test,
  target: number,
  filter: (chunk: Buffer) => boolean = () => true,
): Promise<TcpProxy> {
  let isParted = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to, mayPass] of [
      [client, upstream, () => true],
      [upstream, client, filter],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.on('data', (chunk) => {
        if (!isParted && mayPass(chunk)) {
          to.write(chunk);
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
