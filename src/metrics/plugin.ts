import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { kObserver } from '../http/observer.ts';
import type { PasswordHasher } from '../users/passwords.ts';
import { createMetrics, type MetricsSources } from './metrics.ts';

export interface MetricsOptions extends Omit<MetricsSources, 'hashes'> {
  readonly passwords: PasswordHasher;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The text that Prometheus reads, and its media type. Not defined if metrics are off. */
    collectMetrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  }
}

/** The other methods are `other`: a client chooses them. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Collects metrics of a service. Register it before the plugins that open sessions and stores. */
export const metrics = fp(registerMetrics, { name: 'session-cookie-login/metrics', fastify: '5.x' });

async function registerMetrics(app: FastifyInstance, { passwords, ...sources }: MetricsOptions): Promise<void> {
  const { registry, observer, queue, requests, stop } = createMetrics({ ...sources, hashes: () => passwords.load });
  app[kObserver] = observer;
  passwords.observe(queue);
  app.addHook('onClose', async () => stop());
  app.addHook('onResponse', ({ method, routeOptions }, { elapsedTime, statusCode }, done) => {
    // The route and not the URL: a client chooses the URL.
    const route = routeOptions.url ?? 'none';
    requests.observe(elapsedTime / 1000, METHODS.has(method) ? method : 'other', route, statusCode);
    done();
  });
  app.decorate('collectMetrics', async () => ({ text: await registry.metrics(), contentType: registry.contentType }));
}
