/** `session-cookie-login/service`: the service as one plugin, and what starts it. */
export { type ServiceOptions, service } from '../app.ts';
export { type Config, ConfigError, loadConfig, parseConfig } from '../config.ts';
export { fastifyOptions } from '../fastify-options.ts';
export { listenForMetrics } from '../metrics/listener.ts';
export { StoreOpenError } from '../stores/engine.ts';
export { closeStores, type OpenStoresOptions, openStores, type Stores } from '../stores/open-stores.ts';
