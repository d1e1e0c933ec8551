import type { IncomingHttpHeaders } from 'node:http';
import type { OriginMatcher } from './trusted-origins.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request with this method must not change state (RFC 9110, section 9.2.1). */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * Whether a page of another origin made the browser send a request. The decision is that of Go's
 * `http.CrossOriginProtection`. A request with neither `Sec-Fetch-Site` nor `Origin` does not come from a browser.
 */
export function isCrossOrigin(headers: IncomingHttpHeaders, isTrusted: OriginMatcher, isOwn: OriginMatcher): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin && isTrusted(origin)) {
    return false;
  }
  if (site) {
    return site !== 'same-origin' && site !== 'none';
  }
  return Boolean(origin && !isOwn(origin));
}

/**
 * A page that another site controls can send `Origin: null` as well, so it is refused. A page of the app sends it over
 * plain HTTP if its policy is `no-referrer` (Fetch, "append a request `Origin` header").
 */
const NULL_ORIGIN = 'Origin is null: a page with Referrer-Policy no-referrer (use same-origin), or a sandboxed frame';

/** What the log says of a request that was refused because of its origin. */
export function describeOrigin(origin: string | undefined) {
  return origin === 'null' ? { origin, reason: NULL_ORIGIN } : { origin };
}
