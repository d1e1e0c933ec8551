// The types of dist.js, from the source: the type check needs no build.
export * from '../src/app.ts';
export * from '../src/config.ts';
export * from '../src/exports/login.ts';
export { closeStores, openStores } from '../src/exports/service.ts';
export * from '../src/fastify-options.ts';
export * from '../src/http/cookies.ts';
export * from '../src/index.ts';
export * from '../src/secrets.ts';
export * from '../src/sessions/lifetimes.ts';
export * from '../src/sessions/session-manager.ts';
export * from '../src/sessions/token.ts';
export * from '../src/stores/redis/connection.ts';
export * from '../src/stores/redis/session-store.ts';
export * from '../src/stores/store-url.ts';
