import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import ipaddr from 'ipaddr.js';

/** Stands for an address that is not an IP address: of a Unix socket, or a wrong value from a trusted proxy. */
const UNKNOWN_ADDRESS = 'unknown';

/**
 * The canonical text of an IP address. An IPv4-mapped IPv6 address becomes an IPv4 address. The port that some proxies
 * add is removed.
 */
export function canonicalAddress(text: string | undefined): string {
  const address = withoutPort(text ?? '');
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : UNKNOWN_ADDRESS;
}

/** Removes the port of `203.0.113.5:51000` and `[2001:db8::1]:443`. Any other text is returned as it is. */
export function withoutPort(text: string): string {
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  return ipv6 ?? ipv4 ?? text;
}

/**
 * Reads the address of each client when its connection is accepted. Node keeps the address then. Otherwise a client that
 * sends a request and resets the connection would have no address, and its failures would count for nobody.
 */
export function keepClientAddresses(app: FastifyInstance): void {
  app.server.on('connection', (socket: Socket) => {
    const isTcp = typeof app.server.address() === 'object';
    // The client has reset the connection already.
    if (socket.remoteAddress === undefined && isTcp) {
      socket.destroy();
    }
  });
}
