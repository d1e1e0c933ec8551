export interface NextOptions {
  /** The path of `PUBLIC_URL`, such as `/login`. Empty if there is none. */
  readonly basePath: string;
  readonly publicOrigin: string;
  readonly isTrustedOrigin: (origin: string) => boolean;
}

const MAX_LENGTH = 2048;
/** A path, or an absolute URL. Browsers remove tabs and newlines, and read a backslash as a slash (WHATWG URL, section 4.4). */
const PATH_OR_URL = /^(\/(?!\/)|https?:\/\/(?!\/))[^\s\\\p{Cc}]*$/iu;
/** A sign-in that leads here would show the form again, or end the session. */
const UNSUITABLE: ReadonlySet<string> = new Set(['/signin', '/logout', '/logout/clear']);
/** A proxy may merge slashes, and decode a slash, before it removes dots: the path would then be another one. */
const AMBIGUOUS = /\/\/|%2f|%5c/i;

/**
 * Returns where a sign-in may lead: a path of this service, or a URL of a trusted origin. Returns `undefined` for everything
 * else (CWE-601, open redirect). Other paths of the service's own origin are accepted only if that origin is trusted.
 */
export function safeNext(text: unknown, options: NextOptions): string | undefined {
  const { publicOrigin, isTrustedOrigin } = options;
  if (typeof text !== 'string' || text.length > MAX_LENGTH || !PATH_OR_URL.test(text)) {
    return undefined;
  }
  const url = URL.canParse(text, publicOrigin) ? new URL(text, publicOrigin) : undefined;
  if (url === undefined || url.username || url.password) {
    return undefined;
  }
  if (url.origin === publicOrigin && isOwnPath(url.pathname, options)) {
    return `${url.pathname}${url.search}${url.hash}`;
  }
  const isOfService = url.origin === publicOrigin && isBelow(url.pathname, options.basePath);
  return isTrustedOrigin(url.origin) && !isOfService ? url.href : undefined;
}

function isOwnPath(pathname: string, { basePath }: NextOptions): boolean {
  // A redirect to a path that starts with two slashes would lead to another host.
  return isBelow(pathname, basePath) && !AMBIGUOUS.test(pathname) && !UNSUITABLE.has(routeOf(pathname, basePath));
}

function isBelow(pathname: string, basePath: string): boolean {
  return pathname === basePath || pathname.startsWith(`${basePath}/`);
}

/** The router decodes a path before it looks for a route. */
function routeOf(pathname: string, basePath: string): string {
  try {
    return decodeURIComponent(pathname.slice(basePath.length));
  } catch {
    return '';
  }
}
