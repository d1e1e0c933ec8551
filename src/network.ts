import ipaddr from 'ipaddr.js';

/**
 * Returns the network that counts as one client: an IPv4 address, or the /64 of an IPv6 address. A customer gets at
 * least a /64 (RFC 6177) and can use any address in it. `address` must be in canonical form.
 */
export function networkOf(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) {
    return address;
  }
  const prefix = ipaddr.IPv6.parse(address).parts.slice(0, 4);
  return `${new ipaddr.IPv6([...prefix, 0, 0, 0, 0])}/64`;
}
