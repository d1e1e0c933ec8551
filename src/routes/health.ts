import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { ShuttingDown, StoreUnavailable } from '../errors.ts';
import { contextOf } from '../plugins/session-context.ts';
import { addComponents } from './components.ts';
import { errorResponses, jsonResponse } from './schemas.ts';

const common = { tags: ['health'], security: [] };

const Ok = (description: string) => jsonResponse(description, Type.Object({ status: Type.Literal('ok') }));

const livezSchema = {
  ...common,
  operationId: 'livez',
  summary: 'Check that the process runs',
  description: 'Does not use the store.',
  response: { 200: Ok('The process runs.'), ...errorResponses() },
};

const readyzSchema = {
  ...common,
  operationId: 'readyz',
  summary: 'Check that requests can be answered',
  description: 'Uses the store. Also fails while the service prepares to stop.',
  response: { 200: Ok('The store answers.'), ...errorResponses(StoreUnavailable, ShuttingDown) },
};

/** For load balancers and orchestrators. The proxy may hide these routes from the public. */
export const health: FastifyPluginAsyncTypebox = async (app) => {
  addComponents(app);
  app.get('/livez', { schema: livezSchema }, async () => ({ status: 'ok' as const }));
  app.get('/readyz', { schema: readyzSchema }, async (request) => {
    if (app.draining) {
      throw new ShuttingDown();
    }
    await contextOf(request, 'health').boundStore.ping();
    return { status: 'ok' as const };
  });
};
