import proxyAddr from '@fastify/proxy-addr';
import { withoutPort } from './client-address.ts';

/** Whether the proxy with this address is trusted. A peer on a Unix socket has no address. */
type IsTrustedProxy = (address: string | undefined, hop: number) => boolean;

/** The entry of `TRUST_PROXY` for proxies that connect to a Unix socket. */
const UNIX = 'unix';

/**
 * Converts a `TRUST_PROXY` to the value of Fastify's `trustProxy` option.
 * @throws TypeError if it is neither a switch nor a list of addresses.
 */
export function parseTrustProxy(text: string): boolean | IsTrustedProxy {
  if (/^(on|off|true|false)$/.test(text)) {
    return text === 'on' || text === 'true';
  }
  if (/^\d+$/.test(text)) {
    // proxy-addr would accept it as an IPv4 address. A number of hops, which Fastify allows, is not safe: a client that
    // bypasses the proxy could forge that many entries of X-Forwarded-For.
    throw new TypeError('a number of hops is not a list of proxies');
  }
  const entries = text.split(',').map((entry) => entry.trim());
  const trustsUnix = entries.includes(UNIX);
  const isTrusted = proxyAddr.compile(entries.filter((entry) => entry !== UNIX));
  return (address, hop) => (address === undefined ? trustsUnix : isTrusted(withoutPort(address), hop));
}

/**
 * Makes a function that tells whether the peer of a connection is a trusted proxy. `undefined` is a peer on a Unix socket. The
 * function remembers the latest address: most requests come from one proxy, and to parse its address takes a tenth of the time
 * of a request.
 */
export function trustedPeers(trustProxy: boolean | IsTrustedProxy): (address: string | undefined) => boolean {
  if (typeof trustProxy === 'boolean') {
    return () => trustProxy;
  }
  let latest: string | undefined;
  let isTrusted = trustProxy(latest, 0);
  return (address) => {
    if (address !== latest) {
      isTrusted = trustProxy(address, 0);
      latest = address;
    }
    return isTrusted;
  };
}
