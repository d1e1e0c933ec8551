/** `session-cookie-login/service`: the service as one plugin, and what starts it. */
export { type ServiceOptions, service } from '../app.ts';
export { type Config, loadConfig, parseConfig } from '../config.ts';
export { ConfigError } from '../config-files.ts';
export { fastifyOptions } from '../fastify-options.ts';
export { listenForMetrics } from '../metrics/listener.ts';
export { StoreOpenError } from '../stores/engine.ts';
export { type OpenStoresOptions, openStores } from '../stores/open-stores.ts';
export { closeStores, type Stores } from '../stores/stores.ts';
