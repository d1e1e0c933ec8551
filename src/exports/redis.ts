/** `session-cookie-login/redis`: the stores on a Redis or Valkey server. */
export { StoreOpenError } from '../stores/engine.ts';
export { type OpenRedisOptions, openRedis } from '../stores/redis/open.ts';
export { closeStores, type Stores } from '../stores/stores.ts';
