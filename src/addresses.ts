import ipaddr from 'ipaddr.js';

/** What stands for an address that is none: a Unix socket's, or nonsense that a trusted proxy let through. */
export const UNKNOWN_ADDRESS = 'unknown';

/** An IP address in its one text form; an IPv4 address that comes as IPv6 is an IPv4 address. */
export function canonicalAddress(text: string | undefined): string {
  return text !== undefined && ipaddr.isValid(text) ? ipaddr.process(text).toString() : UNKNOWN_ADDRESS;
}

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is what one customer has at the
 * least (RFC 6177) and may choose any address of.
 */
export function networkOf(address: string): string {
  const canonical = canonicalAddress(address);
  if (!ipaddr.IPv6.isValid(canonical)) {
    return canonical;
  }
  const [a, b, c, d] = ipaddr.IPv6.parse(canonical).parts;
  return `${new ipaddr.IPv6([a, b, c, d, 0, 0, 0, 0] as number[])}/64`;
}
