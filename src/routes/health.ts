import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { ShuttingDown, StoreUnavailable } from '../errors.ts';
import type { MaybePromise } from '../types.ts';
import { errorResponses } from './schemas.ts';

export interface HealthOptions {
  /** Rejects with `StoreUnavailable`, within a bounded time, if the store does not answer. */
  readonly ping: () => MaybePromise<void>;
}

const common = { tags: ['health'], security: [] };

const Ok = (description: string) =>
  Type.Object({ status: Type.Literal('ok') }, { description, examples: [{ status: 'ok' }] });

const livezSchema = {
  ...common,
  operationId: 'livez',
  summary: 'Whether the process runs',
  description: 'Asks nothing else: a store that is down is no reason to restart the service.',
  response: { 200: Ok('It runs.'), ...errorResponses() },
};

const readyzSchema = {
  ...common,
  operationId: 'readyz',
  summary: 'Whether requests can be answered',
  description: 'Asks the store. Fails from the moment that the service is told to stop.',
  response: { 200: Ok('The store answers.'), ...errorResponses(StoreUnavailable, ShuttingDown) },
};

/** For load balancers and orchestrators. The proxy may hide these routes from the public. */
export const health: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { ping }) => {
  app.get('/livez', { schema: livezSchema }, async () => ({ status: 'ok' as const }));
  app.get('/readyz', { schema: readyzSchema }, async () => {
    if (app.draining) {
      throw new ShuttingDown();
    }
    await ping();
    return { status: 'ok' as const };
  });
};
