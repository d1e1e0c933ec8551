import type { FastifyInstance, LightMyRequestResponse } from 'fastify';

/** The `Accept` header of a navigation in Chromium. */
export const NAVIGATION = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8';

/** Opens an address as a browser does. */
export function open(app: FastifyInstance, url: string, headers: Record<string, string> = {}) {
  return app.inject({ url, headers: { accept: NAVIGATION, ...headers } });
}

/** Sends a form as a browser does. */
export function submit(
  app: FastifyInstance,
  url: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
) {
  return app.inject({
    method: 'POST',
    url,
    payload: new URLSearchParams(fields).toString(),
    headers: { accept: NAVIGATION, 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });
}

/** The title of a page, without the name of the site. */
export function titleOf({ body }: LightMyRequestResponse): string | undefined {
  return /<title>(.*) – .*<\/title>/.exec(body)?.[1];
}

/** The attributes of the first element with this name in its `name` attribute, or of the first one of this type. */
export function attributesOf({ body }: LightMyRequestResponse, name: string): Record<string, string> {
  const [, text = ''] =
    new RegExp(`<\\w+ ([^>]*\\bname="${name}"[^>]*)>`).exec(body) ?? new RegExp(`<${name} ([^>]*)>`).exec(body) ?? [];
  return Object.fromEntries(
    [...text.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, key, value]) => [key as string, value ?? '']),
  );
}

/** The text of the first element with this class. */
export function textOf({ body }: LightMyRequestResponse, className: string): string | undefined {
  return new RegExp(`class="${className}"[^>]*>([^<]*)<`).exec(body)?.[1];
}
