import { isIP } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import { withoutPort } from './client-address.ts';

/** Whether the proxy with this address is trusted. A peer on a Unix socket has no address. */
type IsTrustedProxy = (address: string | undefined, hop: number) => boolean;

/** The entry of `TRUST_PROXY` for proxies that connect to a Unix socket. */
const UNIX = 'unix';
/** The names that proxy-addr has for subnets. */
const SUBNET_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Converts a `TRUST_PROXY` to the value of Fastify's `trustProxy` option.
 * @throws TypeError if it is neither a switch nor a list of addresses.
 */
export function parseTrustProxy(text: string): boolean | IsTrustedProxy {
  if (/^(on|off|true|false)$/.test(text)) {
    return text === 'on' || text === 'true';
  }
  const entries = text.split(',').map((entry) => entry.trim());
  const trustsUnix = entries.includes(UNIX);
  const proxies = entries.filter((entry) => entry !== UNIX);
  if (!proxies.every((entry) => SUBNET_NAMES.includes(entry) || isAddressOrSubnet(entry))) {
    throw new TypeError('not a list of proxies');
  }
  const isTrusted = proxyAddr.compile(proxies);
  return (address, hop) => (address === undefined ? trustsUnix : isTrusted(withoutPort(address), hop));
}

/**
 * Whether an address is complete. proxy-addr, which checks the rest, also accepts the short and octal forms of inet_aton(3): it
 * takes 010.0.0.1 for 8.0.0.1, and 3/1 for half of all addresses. A number of hops, which Fastify allows, is not safe: a
 * client that bypasses the proxy could forge that many entries of X-Forwarded-For.
 */
function isAddressOrSubnet(entry: string): boolean {
  const [address = '', mask = '32'] = entry.split('/');
  return isIP(address) !== 0 && (/^\d+$/.test(mask) || isIP(mask) !== 0);
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
