import { readFileSync } from 'node:fs';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { NotFound } from '../errors.ts';
import { DOCUMENT_HEADERS } from '../http/reply-headers.ts';
import { documentPages, type Paths } from './page-docs.ts';

export interface DocsOptions {
  /** The URL that browsers use. */
  readonly publicUrl: string;
  /** The path of that URL, such as `/login`. Empty if there is none. */
  readonly basePath: string;
  /** Whether page requests have routes of their own. */
  readonly pages: boolean;
}

const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Not repeated at each operation. */
const PAGE_REQUESTS =
  'A *page request* prefers `text/html` in its `Accept` header. All errors of page requests are HTML, and a GET page request without a session is sent to the sign-in page.';

/**
 * The policy that Swagger UI needs: its own scripts and styles, its icons, and requests to this service. It sets inline
 * styles, so those are allowed; inline scripts are not.
 */
const UI_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Generates the OpenAPI document from the schemas of the routes and serves it at `/docs`. Register it before the routes. */
export const docs = fp(registerDocs, {
  name: 'session-cookie-login/docs',
  fastify: '5.x',
  dependencies: ['session-cookie-login/sessions'],
});

async function registerDocs(app: FastifyInstance, { publicUrl, basePath, pages }: DocsOptions): Promise<void> {
  const addPages = pages ? documentPages(app) : () => {};
  await app.register(swagger, {
    // The name of a component is the title of its schema. By default it is a number.
    refResolver: { buildLocalReference: (json) => String(json.title) },
    transformObject: (document) => {
      const { openapiObject } = document as { openapiObject: StaticDocumentSpec['document'] };
      addPages(openapiObject.paths as unknown as Paths);
      return openapiObject;
    },
    openapi: {
      openapi: '3.1.0',
      ...descriptions(pages),
      // Swagger UI calls the first: the origin it was opened from.
      servers: [{ url: basePath || '/', description: 'The origin of this document.' }, { url: publicUrl }],
      components: {
        securitySchemes: {
          sessionCookie: {
            type: 'apiKey',
            in: 'cookie',
            name: app.sessionCookieName,
            description: '`POST /signin` sets it. A browser sends it automatically.',
          },
        },
      },
    },
  });
  serveDocs(app, basePath);
}

/** What the document says of the service and of the groups of its routes. */
function descriptions(pages: boolean) {
  return {
    info: {
      title: 'Session-cookie login',
      description: pages ? `${description}\n\n${PAGE_REQUESTS}` : description,
      version,
      contact: { name: 'The operator of this service' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'session', description: 'Sign in, refresh, sign out.' },
      { name: 'user', description: 'The sessions and the password of the signed-in user.' },
      ...(pages ? [{ name: 'pages', description: 'For browsers: HTML.' }] : []),
      { name: 'forward-auth', description: 'For proxies.' },
      { name: 'health', description: 'For load balancers and orchestrators.' },
    ],
  };
}

/** Renders the pages at the first request, because the document is complete only when all routes are registered. */
function serveDocs(app: FastifyInstance, basePath: string): void {
  let rendered: ReturnType<typeof render> | undefined;
  const servePage = async (request: FastifyRequest, reply: FastifyReply) => {
    rendered ??= render(app.swagger() as StaticDocumentSpec['document'], basePath).catch((error) => {
      // The next request tries again.
      rendered = undefined;
      throw error;
    });
    const page = (await rendered).get(request.url.replace(/\?.*/s, ''));
    if (page === undefined) {
      throw new NotFound();
    }
    return reply
      .headers({ 'content-type': page.type, 'content-security-policy': UI_POLICY, ...DOCUMENT_HEADERS })
      .send(page.body);
  };
  app.get('/docs', { schema: { hide: true } }, servePage);
  app.get('/docs/*', { schema: { hide: true } }, servePage);
}

interface Page {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * Renders the pages of Swagger UI, by path. They are served from memory: Swagger UI itself would open a file and make the
 * document again for each request, and one client could exhaust the files and the memory of the process.
 */
async function render(document: StaticDocumentSpec['document'], basePath: string): Promise<ReadonlyMap<string, Page>> {
  const ui = Fastify();
  await ui.register(swagger, { mode: 'static', specification: { document } });
  // The default asks a validator on the Internet about the document.
  await ui.register(swaggerUi, { routePrefix: '/docs', indexPrefix: basePath, uiConfig: { validatorUrl: null } });
  const pages = new Map<string, Page>();
  const add = async (path: string) => {
    const { headers, rawPayload } = await ui.inject(path);
    pages.set(path, { type: String(headers['content-type']), body: rawPayload });
    return rawPayload.toString();
  };
  const page = await add('/docs');
  const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path.slice(basePath.length));
  for (const path of ['/docs/', '/docs/json', '/docs/yaml', ...parts]) {
    await add(path);
  }
  await ui.close();
  return pages;
}
