/** The public API of the package: plugins, stores and their contracts, errors. */
// For their types: they extend the requests and replies of Fastify.
import './plugins/session-replies.ts';
import './plugins/session-requests.ts';

export * from './errors.ts';
export type { CookieOptions } from './http/cookies.ts';
export { type CrossOriginGuardOptions, crossOriginGuard } from './plugins/cross-origin-guard.ts';
export { login } from './plugins/login.ts';
export type { LoginOptions, LoginStores } from './plugins/login-options.ts';
export { optionalSession, requireRecentSignIn, requireSession, type SessionGuard } from './plugins/session-guards.ts';
export { type SessionsOptions, sessions } from './plugins/sessions.ts';
export { loginRoutes } from './routes/login-routes.ts';
export type { DataChange } from './sessions/data-updates.ts';
export type { Client, ReplacedSecret, Session, SessionOwner, SessionRecord } from './sessions/session.ts';
export type { SessionData, StoredData } from './sessions/session-data.ts';
export type { NewSession } from './sessions/session-manager.ts';
export type { SessionStore } from './sessions/session-store.ts';
export { StoreOpenError } from './stores/engine.ts';
export { MemorySessionStore, type MemorySessionStoreOptions } from './stores/memory/session-store.ts';
export { MemoryUserStore } from './stores/memory/user-store.ts';
export { closeStores, type OpenStoresOptions, openStores, type Stores } from './stores/open-stores.ts';
export type { Clock, MaybePromise, Milliseconds } from './types.ts';
export type { Credentials } from './users/authenticator.ts';
export type { FailureCount, FailureCounter, OpenFailureCounter } from './users/failure-counter.ts';
export { PasswordHasher, type PasswordHasherOptions } from './users/passwords.ts';
export { newUser, newVersion, type UserRecord, type UserStore } from './users/user-store.ts';
