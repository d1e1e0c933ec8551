import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type Config, ConfigError } from './config.ts';

/**
 * Listens on `HOST` and `PORT`; for `localhost` on all its addresses. Fastify itself would start a second HTTP server for
 * them, which has none of our limits and handlers.
 * @throws ConfigError if this machine cannot listen there.
 */
export async function listen(
  app: FastifyInstance,
  { HOST, PORT }: Config,
  addressesOf = localAddresses,
): Promise<void> {
  const others: Server[] = [];
  let closed: Promise<unknown> = Promise.resolve();
  app.addHook('preClose', async () => {
    closed = Promise.all(others.map((server) => once(server.close(), 'close')));
  });
  app.addHook('onClose', async () => {
    await closed;
  });
  const [first = HOST, ...more] = await addressesOf(HOST);
  try {
    await app.listen({ host: first, port: PORT });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      code === 'EADDRINUSE'
        ? `Port ${PORT} on ${HOST} is in use by another program. Stop that program, or set PORT.`
        : `HOST is "${HOST}" and PORT is ${PORT}: this machine cannot listen there (${code}). Example: HOST=localhost`,
      { cause: error },
    );
  }
  for (const host of more) {
    await handOver(app, host).then(
      (server) => others.push(server),
      (err) => app.log.warn({ err, host }, 'cannot listen on this address of localhost as well'),
    );
  }
}

/** The addresses of `localhost`, IPv4 first: IPv6 may have an address but be disabled. Empty for any other name. */
async function localAddresses(host: string): Promise<string[]> {
  return host === 'localhost'
    ? (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address)
    : [];
}

/** Listens on one more address, and hands its connections to the HTTP server. */
async function handOver(app: FastifyInstance, host: string): Promise<Server> {
  const { port } = app.server.address() as AddressInfo;
  const server = createServer((socket) => app.server.emit('connection', socket)).listen({ host, port });
  await once(server, 'listening');
  app.log.info({ host, port }, 'listening on this address as well');
  return server;
}
