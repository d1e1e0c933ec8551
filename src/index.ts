/** `session-cookie-login`: cookie sessions for a Fastify app. It loads no optional package. */
// For their types: they extend the requests and replies of Fastify.
import './plugins/session-replies.ts';
import './plugins/session-requests.ts';

export {
  BoundSessionRequired,
  CrossOriginRefused,
  DeviceKeyRefused,
  DeviceProofRequired,
  NoSuchSession,
  ReauthenticationRequired,
  SessionNotRefreshed,
  SeveralSessionCookies,
  StoreFull,
  StoreUnavailable,
  Unauthenticated,
} from './errors.ts';
export type { CookieOptions } from './http/cookies.ts';
export {
  type CrossOriginGuardOptions,
  type CrossOriginHook,
  crossOriginGuard,
  refuseCrossOrigin,
} from './plugins/cross-origin-guard.ts';
export type { DeviceBoundOptions } from './plugins/device-bound-options.ts';
export {
  optionalSession,
  requireBoundSession,
  requireRecentSignIn,
  requireSession,
  type SessionGuard,
} from './plugins/session-guards.ts';
export { type SessionsOptions, sessions } from './plugins/sessions.ts';
export type { DataChange } from './sessions/data-updates.ts';
export type {
  Binding,
  BindingOffer,
  Client,
  PublicKey,
  ReplacedSecret,
  Session,
  SessionOwner,
  SessionRecord,
} from './sessions/session.ts';
export type { SessionData, StoredData } from './sessions/session-data.ts';
export type { NewSession } from './sessions/session-manager.ts';
export type { SessionStore } from './sessions/session-store.ts';
export { MemorySessionStore, type MemorySessionStoreOptions } from './stores/memory/session-store.ts';
export type { Clock, MaybePromise, Milliseconds } from './types.ts';
