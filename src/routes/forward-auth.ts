import { METHODS } from 'node:http';
import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import {
  CrossOriginRefused,
  ForwardedHeadersInvalid,
  ProxyNotTrusted,
  StoreUnavailable,
  TargetNotTrusted,
} from '../errors.ts';
import { forwardAuthHooks } from '../plugins/forward-auth.ts';
import type { ForwardAuthOptions } from '../plugins/target-guard.ts';
import { addComponents } from './components.ts';
import { errorResponses, notSignedIn } from './schemas.ts';

const RemoteHeader = Type.String({ maxLength: 4096 });

const allowed = {
  type: 'null',
  description: 'Signed in. Values are percent-encoded.',
  headers: {
    'Remote-User': RemoteHeader,
    'Remote-User-Id': RemoteHeader,
    'Remote-Session-Id': RemoteHeader,
  },
};

const errors = errorResponses(
  ...notSignedIn,
  ProxyNotTrusted,
  ForwardedHeadersInvalid,
  TargetNotTrusted,
  CrossOriginRefused,
  StoreUnavailable,
);

const SIGN_IN_PAGE = { Location: Type.String({ maxLength: 8192 }) };

const common = { tags: ['forward-auth'], security: [{ sessionCookie: [] }] };

const authRequestSchema = {
  ...common,
  operationId: 'authRequest',
  summary: 'Decide about a request, for nginx',
  description: 'Any method. `X-Original-Method` and `X-Original-URL` say which request.',
  response: { 200: allowed, ...errors, 401: { ...errors[401], headers: SIGN_IN_PAGE } },
};

const forwardAuthSchema = {
  ...common,
  operationId: 'forwardAuth',
  summary: 'The same, for Traefik and Caddy',
  description: 'Any method. `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri` say which request.',
  response: {
    200: allowed,
    303: { type: 'null', description: 'To the sign-in page.', headers: SIGN_IN_PAGE },
    ...errors,
  },
};

const ROUTES = [
  { url: '/auth-request', kind: 'auth-request', schema: authRequestSchema },
  { url: '/forward-auth', kind: 'forward-auth', schema: forwardAuthSchema },
] as const;

/**
 * Forward authentication: a reverse proxy asks before each request to an app whether the user is signed in. The replies have
 * no body that the app would see, and never set a cookie.
 */
export const forwardAuth: FastifyPluginAsyncTypebox<ForwardAuthOptions> = async (app, options) => {
  addComponents(app);
  for (const method of METHODS.filter((name) => name !== 'CONNECT' && !app.supportedMethods.includes(name))) {
    app.addHttpMethod(method);
  }
  for (const { url, kind, schema } of ROUTES) {
    const route = {
      ...forwardAuthHooks(kind, options),
      url,
      // CORS would answer preflight requests, and the proxy would take that for a permission.
      config: { cors: false, crossOriginGuard: false },
      exposeHeadRoute: false,
    };
    app.route({ ...route, method: 'GET', schema });
    app.route({ ...route, method: app.supportedMethods.filter((name) => name !== 'GET'), schema: { hide: true } });
  }
};
