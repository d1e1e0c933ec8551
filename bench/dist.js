// All that the benchmark uses of the built service. `dist.d.ts` has the same lines for the type check.
export * from '../dist/app.js';
export * from '../dist/config.js';
export * from '../dist/exports/login.js';
export { closeStores, openStores } from '../dist/exports/service.js';
export * from '../dist/fastify-options.js';
export * from '../dist/http/cookies.js';
export * from '../dist/index.js';
export * from '../dist/secrets.js';
export * from '../dist/sessions/lifetimes.js';
export * from '../dist/sessions/session-manager.js';
export * from '../dist/sessions/token.js';
export * from '../dist/stores/redis/connection.js';
export * from '../dist/stores/redis/session-store.js';
export * from '../dist/stores/store-url.js';
