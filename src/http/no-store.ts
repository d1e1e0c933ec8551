import type { FastifyReply } from 'fastify';

type RawReply = FastifyReply['raw'];
/** The arguments of `writeHead` after the status: a reason, the headers as an object or a flat list, both, or neither. */
type WriteHead = (status: number, reason?: unknown, headers?: unknown) => RawReply;

/** The headers by which a reply allows caches to store it (RFC 9111, section 5; RFC 9213; Edge Architecture). */
const CACHE_HEADERS: ReadonlySet<string> = new Set([
  'cache-control',
  'expires',
  'cdn-cache-control',
  'surrogate-control',
]);
const LENGTHS: ReadonlySet<number> = new Set([...CACHE_HEADERS].map(({ length }) => length));

/** Makes the reply forbid caches to store it. Other headers about caching are removed when its head is written. */
export function writeHeadWithoutCaching(raw: RawReply): void {
  // Almost every reply has the method of its class. Then all replies share one function: making one for each takes time.
  raw.writeHead = (
    Object.hasOwn(raw, 'writeHead') ? wrap(raw.writeHead as WriteHead) : writeHead
  ) as RawReply['writeHead'];
}

function writeHead(this: RawReply, status: number, reason?: unknown, headers?: unknown): RawReply {
  const original = Object.getPrototypeOf(this).writeHead as WriteHead;
  return callWithoutCaching(this, original, status, reason, headers);
}

/** Another package has replaced the method. */
function wrap(original: WriteHead): WriteHead {
  return function (this: RawReply, status, reason, headers) {
    return callWithoutCaching(this, original, status, reason, headers);
  };
}

function callWithoutCaching(
  raw: RawReply,
  original: WriteHead,
  status: number,
  reason: unknown,
  headers: unknown,
): RawReply {
  const given = headers ?? reason;
  if (raw.getHeaderNames().length > 0 || typeof given !== 'object' || given === null) {
    for (const name of CACHE_HEADERS) {
      raw.removeHeader(name);
    }
    raw.setHeader('cache-control', 'no-store');
  }
  if (Array.isArray(given)) {
    const list = [...withoutCacheHeaders(given), 'cache-control', 'no-store'];
    return typeof reason === 'string' ? original.call(raw, status, reason, list) : original.call(raw, status, list);
  }
  if (typeof given === 'object' && given !== null) {
    setNoStore(given as Record<string, unknown>);
  }
  return original.call(raw, status, reason, headers);
}

function setNoStore(headers: Record<string, unknown>): void {
  for (const name in headers) {
    if (name !== 'cache-control' && isCacheHeader(name)) {
      delete headers[name];
    }
  }
  headers['cache-control'] = 'no-store';
}

/** A flat list: a name, its value, and so on. */
function withoutCacheHeaders(headers: unknown[]): unknown[] {
  return headers.filter((_, index) => !isCacheHeader(String(headers[index - (index % 2)])));
}

function isCacheHeader(name: string): boolean {
  return LENGTHS.has(name.length) && CACHE_HEADERS.has(name.toLowerCase());
}
