/** What another Fastify app uses: the plugins, the stores and their contracts, the error catalogue. */
export * from './errors.ts';
export type { MaybePromise } from './maybe-promise.ts';
export { type CrossOriginGuardOptions, crossOriginGuard } from './plugins/cross-origin-guard.ts';
export type { CookieOptions } from './plugins/host-cookie.ts';
export { type SessionsOptions, sessions } from './plugins/sessions.ts';
export { type UsersOptions, users } from './plugins/users.ts';
export type {
  Client,
  Clock,
  Milliseconds,
  ReplacedSecret,
  Session,
  SessionRecord,
} from './sessions/record.ts';
export type { FailureLimiter, OpenFailureLimiter } from './stores/failure-limiter.ts';
export { MemorySessionStore, type MemorySessionStoreOptions } from './stores/memory/session-store.ts';
export { MemoryUserStore } from './stores/memory/user-store.ts';
export { closeStores, type OpenStoresOptions, openStores, type Stores } from './stores/open-stores.ts';
export type { SessionStore } from './stores/session-store.ts';
export { StoreNotOpened } from './stores/store-not-opened.ts';
export { newUser, newVersion, type UserRecord, type UserStore } from './stores/user-store.ts';
export type { Credentials } from './users/authenticator.ts';
export { PasswordHasher, type PasswordHasherOptions } from './users/passwords.ts';
