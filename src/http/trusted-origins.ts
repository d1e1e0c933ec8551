/** Whether an origin, in the form that browsers send, is in a list. */
export type OriginMatcher = (origin: string) => boolean;

/** The labels that `*` stands for: one or several. */
const LABELS = /^[a-z\d_-]+(\.[a-z\d_-]+)*$/;

/**
 * Returns the origin of a URL, in the form that browsers send: `https://Example.com:443/` is `https://example.com`. The host
 * may begin with `*.`.
 */
export function toOrigin(url: string): string {
  return new URL(url).origin;
}

/**
 * Makes a matcher of a list of origins. `https://*.example.com` stands for all hosts below `example.com`, at any depth, and
 * not for `example.com` itself, as in a Content Security Policy (CSP 3, section 6.7.2.9).
 */
export function originMatcher(origins: readonly string[]): OriginMatcher {
  const exact = new Set(origins);
  const patterns = origins
    .filter((origin) => origin.includes('*'))
    .map((origin) => origin.split('*') as [start: string, end: string]);
  return (origin) =>
    exact.has(origin) ||
    patterns.some(
      ([start, end]) =>
        origin.startsWith(start) &&
        origin.endsWith(end) &&
        LABELS.test(origin.slice(start.length, origin.length - end.length)),
    );
}
