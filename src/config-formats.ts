import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { isPlainPath } from './http/forwarded-request.ts';
import { parseTrustProxy } from './http/trusted-proxies.ts';
import { MissingPackageError, requirePackages } from './packages.ts';
import { settings } from './settings.ts';
import { parseStoreUrl } from './stores/store-url.ts';

/** The types of images that browsers show. */
const LOGO_TYPES = ['.svg', '.png', '.webp', '.jpg', '.gif', '.ico'];

/** The formats of the settings that are texts, by the name of the format in a schema. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'public-url': isPublicUrl,
  'trusted-proxies': accepts(parseTrustProxy),
  'trusted-origins': accepts(parseTrustedOrigins),
  'store-url': accepts(parseStoreUrl),
  'cookie-domain': (text) => text === 'none' || isCookieDomain(text),
  'path-list': accepts(parsePaths),
  'site-name': (text) => /^(?=.*\S)[^\p{C}]{1,60}$/u.test(text),
  'logo-file': isNoneOrFile(LOGO_TYPES, 256),
  'styles-file': isNoneOrFile(['.css'], 64),
  'metrics-address': accepts(parseMetrics),
};

/**
 * Converts `TRUSTED_ORIGINS` to origins in the form that browsers send, and patterns such as `https://*.example.com`.
 * @throws TypeError if an entry of the list is neither, or if a pattern stands for the hosts of a public suffix.
 */
export function parseTrustedOrigins(text: string): string[] {
  return parseList(text).map((entry) => {
    if (!Value.Check(settings.trustedOrigin, entry)) {
      throw new TypeError('not an origin');
    }
    const { origin, hostname } = new URL(entry);
    if (hostname.startsWith('*.') && isPublicSuffix(hostname.replace(/^\*\.|\.$/g, ''))) {
      throw new TypeError('the hosts belong to different people');
    }
    return origin;
  });
}

/**
 * Converts a `FORWARD_AUTH_CSRF_EXEMPT` to paths.
 * @throws TypeError if an entry of the list is not a path.
 */
export function parsePaths(text: string): string[] {
  const paths = parseList(text);
  if (!paths.every((path) => isPlainPath(path.replace(/\/\*$/, '/')))) {
    throw new TypeError('not a path');
  }
  return paths;
}

/**
 * Converts a `METRICS` to an address to listen on: `PORT`, `HOST:PORT` or `[IPV6]:PORT`. Returns `undefined` for `off`.
 * @throws TypeError if it is neither.
 */
export function parseMetrics(text: string): { host: string; port: number } | undefined {
  if (text === 'off') {
    return undefined;
  }
  const [, ipv6, name, port] = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(text) ?? [];
  if (!(Number(port) <= 65_535)) {
    throw new TypeError('not a port, or an address and a port');
  }
  return { host: ipv6 ?? name ?? '127.0.0.1', port: Number(port) };
}

function parseList(text: string): string[] {
  return text === 'none' ? [] : text.split(',').map((entry) => entry.trim());
}

/** Parses a domain with the Public Suffix List. Few settings need the package. @throws MissingPackageError */
function parseDomain(domain: string) {
  requirePackages('COOKIE_DOMAIN, or a pattern in TRUSTED_ORIGINS,', ['tldts']);
  const { parse } = createRequire(import.meta.url)('tldts') as typeof import('tldts');
  return parse(domain, { allowPrivateDomains: true });
}

/** Whether everybody can register a name below the domain (https://publicsuffix.org). */
function isPublicSuffix(domain: string): boolean {
  const { publicSuffix, isIcann, isPrivate } = parseDomain(domain);
  return publicSuffix === domain && Boolean(isIcann || isPrivate);
}

/** Browsers reject cookies for a public suffix, and for a domain without a dot (RFC 6265bis, section 5.7). */
function isCookieDomain(text: string): boolean {
  return Value.Check(settings.cookieDomain, text) && parseDomain(text).domain !== null;
}

/** Allows only path characters that no client or proxy encodes or removes. */
function isPublicUrl(text: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const { pathname, origin, href } = new URL(text);
  const hasNothingElse = href === `${origin}${pathname}`;
  return hasNothingElse && Value.Check(settings.publicOrigin, origin) && /^(\/[\w.~-]+)*\/?$/.test(pathname);
}

/** The plugin `assets` reads the file. */
function isNoneOrFile(extensions: readonly string[], maxKib: number): (path: string) => boolean {
  return accepts((path) => {
    if (path === 'none') {
      return;
    }
    const file = statSync(path);
    if (!file.isFile() || file.size === 0 || file.size > maxKib * 1024) {
      throw new TypeError('not a file of this size');
    }
    if (!extensions.includes(extname(path).toLowerCase())) {
      throw new TypeError('not a file of this type');
    }
  });
}

function accepts(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof MissingPackageError) {
        throw error;
      }
      return false;
    }
  };
}
