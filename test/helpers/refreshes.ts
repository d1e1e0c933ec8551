import type { Exchange, Sent, TlsFront } from './tls-front.ts';

// What a browser sends to the endpoint of refreshes (https://w3c.github.io/webappsec-dbsc/).

/** Whether the browser has signed the request: a registration, or a refresh with a proof. */
export const isSigned = ({ headers }: Sent) => headers['secure-session-response'] !== undefined;

/** Whether it is a request to the endpoint of refreshes. */
export const isRefresh = ({ method, path }: Sent) => method === 'POST' && path === '/refresh';

/** What a request to that endpoint is, and how it was answered. */
export function describeRefresh(exchange: Exchange): string {
  const { headers, status, replyHeaders } = exchange;
  const kinds = headers['sec-secure-session-id'] ? ['proof', 'refresh'] : ['registration', 'plain refresh'];
  const challenge = replyHeaders['secure-session-challenge'] && 'challenge';
  const cookie = replyHeaders['set-cookie'] && 'cookie';
  return [kinds[isSigned(exchange) ? 0 : 1], status, challenge, cookie].filter(Boolean).join(' ');
}

/**
 * The requests to that endpoint since a position, without early refreshes. These change nothing, and one of them may be under way at
 * any time.
 */
export function refreshes({ wire }: TlsFront, from = 0): string[] {
  return wire.all
    .slice(from)
    .filter(isRefresh)
    .map(describeRefresh)
    .filter((refresh) => refresh !== 'refresh 200');
}
