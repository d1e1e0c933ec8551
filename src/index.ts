/** What another Fastify app uses: the sessions plugin, its companions, and the contract of a store. */
export * from './errors.ts';
export { type CrossOriginGuardOptions, crossOriginGuard } from './plugins/cross-origin-guard.ts';
export type { SessionCookieOptions } from './plugins/session-cookie.ts';
export { type SessionsOptions, sessions } from './plugins/sessions.ts';
export type { Clock, Milliseconds, Session, SessionRecord } from './sessions/record.ts';
export { MemorySessionStore, type MemorySessionStoreOptions } from './stores/memory-session-store.ts';
export type { MaybePromise, SessionStore } from './stores/session-store.ts';
