import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import { StoreUnavailable } from '../errors.ts';
import type { MaybePromise } from '../maybe-promise.ts';
import { timeBound } from '../stores/time-bound.ts';
import { refusals } from './replies.ts';

export interface HealthOptions {
  /** Asks the store for a sign of life. */
  readonly ping: () => MaybePromise<void>;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
}

const common = { tags: ['health'], security: [] };

const Ok = (description: string) =>
  Type.Object({ status: Type.Literal('ok') }, { description, examples: [{ status: 'ok' }] });

const livezSchema = {
  ...common,
  operationId: 'livez',
  summary: 'Whether the process runs',
  description: 'Asks nothing else: a store that is down is no reason to restart the service.',
  response: { 200: Ok('It runs.'), ...refusals() },
};

const readyzSchema = {
  ...common,
  operationId: 'readyz',
  summary: 'Whether requests can be answered',
  description: 'Asks the store.',
  response: { 200: Ok('The store answers.'), ...refusals(StoreUnavailable) },
};

/** For the proxy or the orchestrator: keep it from the public if you like. */
export const health: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { ping, timeoutMs }) => {
  const boundPing = timeBound(timeoutMs)(ping);
  app.get('/livez', { schema: livezSchema }, async () => ({ status: 'ok' as const }));
  app.get('/readyz', { schema: readyzSchema }, async () => {
    await boundPing();
    return { status: 'ok' as const };
  });
};
