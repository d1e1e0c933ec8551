import type { FastifyRequest } from 'fastify';

/** The scheme that a browser used, and the header that shows it. Both are missing if the request does not show it. */
export interface BrowserScheme {
  readonly scheme?: string;
  readonly source?: string;
}

/** Returns the scheme that the browser used, if the request shows it. */
export function browserScheme(request: FastifyRequest): BrowserScheme {
  const { origin } = request.headers;
  if (origin !== undefined && /^https?:/.test(origin) && hasHostOf(request, origin)) {
    return { scheme: new URL(origin).protocol.slice(0, -1), source: 'Origin' };
  }
  // Fastify reads X-Forwarded-Proto only if it comes from a trusted proxy; `ips` has more than one address then.
  const isForwarded = request.headers['x-forwarded-proto'] !== undefined && (request.ips?.length ?? 0) > 1;
  return isForwarded && /^https?$/.test(request.protocol)
    ? { scheme: request.protocol, source: 'X-Forwarded-Proto' }
    : {};
}

/** Compares hosts. The default port of the origin's scheme may be left out. `Origin: null` has no host. */
export function hasHostOf(request: FastifyRequest, origin: string): boolean {
  if (!URL.canParse(origin)) {
    return false;
  }
  const { protocol, host } = new URL(origin);
  const own = `${protocol}//${request.host}`;
  return URL.canParse(own) && new URL(own).host === host;
}
