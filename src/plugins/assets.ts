import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { addVary } from '../http/vary.ts';

export interface AssetsOptions {
  /** The path of `PUBLIC_URL`: `''`, or for example `/login`. */
  readonly basePath: string;
  /** The path of the operator's image file. It is served as `site-logo.EXT`. */
  readonly logo?: string | undefined;
  /** The path of the operator's style sheet. It is served as `site-styles.css`. */
  readonly styles?: string | undefined;
  /** Whether the files of the pages are served, and not only `/session.js`. */
  readonly pages: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The URL of a file of the pages, such as `styles.css`, `page.js` or `site-logo.svg`. It changes with the content, so
     * browsers may keep the file for a year.
     * @throws Error if there is no such file.
     */
    assetUrl(name: string): string;
  }
}

interface Asset {
  readonly type: string;
  readonly body: Buffer;
  /** For texts. */
  readonly compressed: Buffer | undefined;
  readonly hash: string;
}

/** The media types, by the extension of a file. A file with another extension is no asset. */
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
};

const PAGES = new URL('../pages/', import.meta.url);
/** `npm run build` compiles the scripts to this folder. The sources in `src` use it as well. */
const SCRIPTS = new URL('../../dist/pages/browser/', import.meta.url);
const CLIENT = 'session.js';

/** Apps link to `/session.js` without a hash. A new version must reach browsers soon. */
const CLIENT_CACHING = 'public, max-age=300';
const CACHING_WITH_HASH = 'public, max-age=31536000, immutable';
/** For a URL with the hash of another version: during an update another instance may have made the page. */
const CACHING_WITHOUT_HASH = 'no-cache';

/** An image may have styles of its own. As a document of this origin it runs nothing (CSP 3, `sandbox`). */
const SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/**
 * Serves the session client as `/session.js`, and the files of the pages below `/assets/`.
 *
 * The files are read once and sent from memory. `@fastify/static` opens a file for each request: a client that reads no
 * replies would hold 32 open files with one connection. And a file that changes while the process runs would be sent with
 * the hash of its old content.
 */
export const assets = fp(registerAssets, { name: 'session-cookie-login/assets', fastify: '5.x' });

async function registerAssets(app: FastifyInstance, { basePath, logo, styles, pages }: AssetsOptions): Promise<void> {
  const client = readAsset(new URL(CLIENT, SCRIPTS));
  serve(app, `/${CLIENT}`, client, () => CLIENT_CACHING);
  const files = new Map(pages ? [...assetsOf(PAGES), ...assetsOf(SCRIPTS)] : []);
  for (const [name, path] of Object.entries(pages ? { 'site-logo': logo, 'site-styles': styles } : {})) {
    if (path !== undefined) {
      files.set(`${name}${extname(path).toLowerCase()}`, readAsset(pathToFileURL(path)));
    }
  }
  for (const [name, asset] of files) {
    serve(app, `/assets/${name}`, asset, ({ query }) =>
      (query as { v?: unknown }).v === asset.hash ? CACHING_WITH_HASH : CACHING_WITHOUT_HASH,
    );
  }
  app.decorate('assetUrl', (name) => {
    const asset = files.get(name);
    if (asset === undefined) {
      throw new Error(`There is no asset ${name}. ${BUILD}`);
    }
    return `${basePath}/assets/${name}?v=${asset.hash}`;
  });
}

const BUILD = 'If it should be compiled from the sources, run: npm run build';

function assetsOf(folder: URL): [string, Asset][] {
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES && name !== CLIENT);
  return names.map((name) => [name, readAsset(new URL(name, folder))]);
}

function readAsset(file: URL): Asset {
  try {
    const body = readFileSync(file);
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16);
    const type = TYPES[extname(file.pathname).toLowerCase()] as string;
    return { type, body, hash, compressed: /text|svg/.test(type) ? gzipSync(body, { level: 9 }) : undefined };
  } catch (error) {
    throw new Error(`The file ${fileURLToPath(file)} cannot be read. ${BUILD}`, { cause: error });
  }
}

const ACCEPTS_GZIP = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i;

function serve(app: FastifyInstance, url: string, asset: Asset, caching: (request: FastifyRequest) => string): void {
  const { type, body, compressed, hash } = asset;
  const policy = type === TYPES['.svg'] && { 'content-security-policy': SVG_POLICY };
  app.get(url, { schema: { hide: true } }, (request, reply) => {
    const { headers } = request;
    const zipped = ACCEPTS_GZIP.test(headers['accept-encoding'] ?? '') ? compressed : undefined;
    reply.headers({
      // The default of the service is no-store.
      'cache-control': caching(request),
      // A proxy shows error pages of this service at the origins of apps.
      'cross-origin-resource-policy': 'same-site',
      etag: zipped ? `"${hash}-gzip"` : `"${hash}"`,
      ...policy,
    });
    if (compressed) {
      addVary(reply, 'Accept-Encoding');
    }
    // A list of tags, or `*`. A proxy may have made them weak (RFC 9110, section 13.1.2).
    const known = headers['if-none-match'] ?? '';
    if (known === '*' || known.includes(hash)) {
      return reply.code(304).send();
    }
    return reply.headers({ 'content-type': type, ...(zipped && { 'content-encoding': 'gzip' }) }).send(zipped ?? body);
  });
}
