import type { FastifyInstance } from 'fastify';

/** A route that answers page requests at the address of an API route. The description says where it leads. */
interface PageRoute {
  readonly method: string;
  readonly path: string;
  readonly description: string;
}

/** The parts of an OpenAPI response that are used here. */
interface Response {
  description: string;
  headers?: object;
}

/** The operations, by path and method. */
export type Paths = Record<string, Record<string, { responses: Record<string, Response> }>>;

const LOCATION = { Location: { schema: { type: 'string', maxLength: 4096 } } } as const;

/**
 * Adds the replies to page requests to the operations of an OpenAPI document, which has one operation for each address.
 * Returns the function that changes the paths of the document. Call it before the routes are registered.
 */
export function documentPages(app: FastifyInstance): (paths: Paths) => void {
  const routes: PageRoute[] = [];
  app.addHook('onRoute', ({ url, method, constraints, schema }) => {
    if (constraints?.page === true && schema?.hide) {
      routes.push({ method: String(method).toLowerCase(), path: url, description: String(schema.description) });
    }
  });
  return (paths) => {
    for (const { method, path, description } of routes) {
      const responses = paths[path]?.[method]?.responses;
      if (responses !== undefined) {
        addErrorPages(responses);
        responses[303] = { description: `For a page request. ${description}`, headers: LOCATION };
      }
    }
  };
}

/** Not as a media type: clients that are generated from the document would have to expect HTML. */
function addErrorPages(responses: Record<string, Response>): void {
  for (const [status, response] of Object.entries(responses)) {
    if (Number(status) >= 400) {
      response.description += '. For a page request: an HTML page.';
    }
  }
}
