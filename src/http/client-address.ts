import ipaddr from 'ipaddr.js';

/** Stands for an address that is not an IP address: of a Unix socket, or a wrong value from a trusted proxy. */
export const UNKNOWN_ADDRESS = 'unknown';

/** The canonical text of an IP address. An IPv4-mapped IPv6 address becomes an IPv4 address. */
export function canonicalAddress(text: string | undefined): string {
  return text !== undefined && ipaddr.isValid(text) ? ipaddr.process(text).toString() : UNKNOWN_ADDRESS;
}
