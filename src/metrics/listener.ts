import Fastify, { type FastifyInstance } from 'fastify';
import { type Config, isHttps } from '../config.ts';
import { ConfigError } from '../config-files.ts';
import { parseMetrics } from '../config-formats.ts';
import { fastifyOptions } from '../fastify-options.ts';
import { connections } from '../plugins/connections.ts';
import { errors } from '../plugins/error-handler.ts';
import { replyHeaders } from '../plugins/reply-headers.ts';

/** A few Prometheus servers, and a person with curl. */
const MAX_CONNECTIONS = 20;

/**
 * Serves `GET /metrics` on the address of `METRICS`, with the time limits of the service. The listener is a server of its own: the
 * public port of the service does not have the route. It closes with the service.
 * @throws ConfigError if this machine cannot listen there.
 */
export async function listenForMetrics(app: FastifyInstance, config: Config): Promise<void> {
  const address = parseMetrics(config.METRICS);
  if (address === undefined) {
    return;
  }
  const listener = await createListener(app, config);
  app.addHook('onClose', () => listener.close());
  try {
    await listener.listen({
      ...address,
      // Fastify would open a second server for the IPv6 address of localhost, without the limits of the first.
      ...(address.host === 'localhost' && { host: '127.0.0.1' }),
      listenTextResolver: (url) => `metrics are served at ${url}/metrics`,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      code === 'EADDRINUSE'
        ? `METRICS is ${config.METRICS}: the port is in use by another program. Stop that program, or set METRICS to another port.`
        : `METRICS is ${config.METRICS}: this machine cannot listen there (${code}). Example: METRICS=127.0.0.1:9464`,
      { cause: error },
    );
  }
}

async function createListener(app: FastifyInstance, config: Config): Promise<FastifyInstance> {
  const { rewriteUrl: _, ...options } = fastifyOptions(config);
  const listener = Fastify({ ...options, exposeHeadRoutes: false });
  listener.log = app.log;
  await listener.register(connections, { maxConnections: MAX_CONNECTIONS });
  await listener.register(replyHeaders, { https: isHttps(config) });
  await listener.register(errors);
  listener.get('/metrics', async (_request, reply) => {
    const { text, contentType } = await app.collectMetrics();
    return reply.type(contentType).send(text);
  });
  return listener;
}
