import ipaddr from 'ipaddr.js';

/**
 * Returns the network that counts as one client: an IPv4 address, or the /64 of an IPv6 address. A customer gets at
 * least a /64 (RFC 6177) and can use any address in it. `address` must be in canonical form.
 */
export function networkOf(address: string): string {
  return ipaddr.IPv6.isValid(address) ? prefixOf(ipaddr.IPv6, address, 64) : address;
}

/** Returns the wider network of an address: its /24 or /48. One customer may have many networks in it. */
export function wideNetworkOf(address: string): string {
  if (ipaddr.IPv4.isValid(address)) {
    return prefixOf(ipaddr.IPv4, address, 24);
  }
  return ipaddr.IPv6.isValid(address) ? prefixOf(ipaddr.IPv6, address, 48) : address;
}

function prefixOf(family: typeof ipaddr.IPv4 | typeof ipaddr.IPv6, address: string, bits: number): string {
  return `${family.networkAddressFromCIDR(`${address}/${bits}`)}/${bits}`;
}
