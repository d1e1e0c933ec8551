import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

export interface DocsOptions {
  /** The origin that browsers use. */
  readonly publicUrl: string;
}

const { version, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

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
export const docs = fp(registerDocs, { name: 'docs', fastify: '5.x', dependencies: ['sessions'] });

async function registerDocs(app: FastifyInstance, { publicUrl }: DocsOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Session-cookie login',
        description,
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      // Swagger UI calls the first: the origin it was opened from.
      servers: [{ url: '/', description: 'Where this document comes from.' }, { url: publicUrl }],
      tags: [
        { name: 'session', description: 'Sign in, stay signed in, sign out.' },
        { name: 'user', description: 'What users may see and change of their own.' },
        { name: 'health', description: 'For load balancers and orchestrators.' },
      ],
      components: {
        securitySchemes: {
          sessionCookie: {
            type: 'apiKey',
            in: 'cookie',
            name: app.sessionCookieName,
            description: 'Set by `POST /signin`; a browser sends it by itself.',
          },
        },
      },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: UI_POLICY,
    // The default asks a validator on the Internet about the document.
    uiConfig: { validatorUrl: null },
  });
}
