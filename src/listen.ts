import { lookup } from 'node:dns/promises';
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
  const [host = HOST, ...others] = await addressesOf(HOST);
  try {
    await app.listen({ host, port: PORT });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      code === 'EADDRINUSE'
        ? `Port ${PORT} on ${HOST} is in use by another program. Stop that program, or set PORT.`
        : `HOST is "${HOST}" and PORT is ${PORT}: this machine cannot listen there (${code}). Example: HOST=localhost`,
      { cause: error },
    );
  }
  for (const other of others) {
    await app.listenAlso(other).then(
      () => app.log.info({ address: other }, 'listening on this address of localhost as well'),
      (err) => app.log.warn({ err }, 'cannot listen on another address of localhost'),
    );
  }
}

/** The addresses of `localhost`, IPv4 first: IPv6 may have an address but be disabled. Empty for any other name. */
async function localAddresses(host: string): Promise<string[]> {
  return host === 'localhost'
    ? (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address)
    : [];
}
