/** The public API of the package: plugins, stores and their contracts, errors. */
// For its types: they extend the requests and replies of Fastify.
import './plugins/session-decorators.ts';

export * from './errors.ts';
export type { CookieOptions } from './http/cookies.ts';
export { type CrossOriginGuardOptions, crossOriginGuard } from './plugins/cross-origin-guard.ts';
export { login } from './plugins/login.ts';
export type { LoginOptions, LoginStores } from './plugins/login-options.ts';
export { type SessionsOptions, sessions } from './plugins/sessions.ts';
export { loginRoutes } from './routes/login-routes.ts';
export type { Client, ReplacedSecret, Session, SessionRecord } from './sessions/session.ts';
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
