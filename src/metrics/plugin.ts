import type { FastifyInstance, onResponseHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { kObserver } from '../http/security-events.ts';
import type { PasswordHasher } from '../users/passwords.ts';
import type { LatencyHistogram } from './latency-histogram.ts';
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

/** Collects metrics of a service. Register it before everything else. */
export const metrics = fp(registerMetrics, { name: 'session-cookie-login/metrics', fastify: '5.x' });

async function registerMetrics(app: FastifyInstance, { passwords, ...sources }: MetricsOptions): Promise<void> {
  const { registry, observer, queue, requests, stop } = createMetrics({ ...sources, hashes: () => passwords.load });
  app[kObserver] = observer;
  passwords.observe(queue);
  app.addHook('onClose', async () => stop());
  observeRequests(app, requests);
  app.decorate('collectMetrics', async () => ({ text: await registry.metrics(), contentType: registry.contentType }));
}

/**
 * Observes requests by their route. A client chooses the URL, so it is no label. Each route has a hook of its own that knows the
 * route: `request.routeOptions` makes a new object each time.
 */
function observeRequests(app: FastifyInstance, requests: LatencyHistogram): void {
  const hookOf = (route: string): onResponseHookHandler => {
    return ({ method }, { elapsedTime, statusCode }, done) => {
      requests.observe(elapsedTime / 1000, METHODS.has(method) ? method : 'other', route, statusCode);
      done();
    };
  };
  app.addHook('onRoute', (route) => {
    route.onResponse = [...[route.onResponse ?? []].flat(), hookOf(route.url)];
  });
  const ofUnknownRoute = hookOf('none');
  app.addHook('onResponse', function (request, reply, done) {
    if (request.is404) {
      ofUnknownRoute.call(this, request, reply, done);
    } else {
      done();
    }
  });
}
