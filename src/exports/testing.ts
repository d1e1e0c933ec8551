/** `session-cookie-login/testing`: tests that a store or a failure counter keeps its contract. */
export type { SessionOwner, SessionRecord } from '../sessions/session.ts';
export type { SessionStore } from '../sessions/session-store.ts';
export { testFailureCounter } from '../testing/failure-counter-suite.ts';
export { testSessionStore } from '../testing/session-store-suite.ts';
export type { TestFunction } from '../testing/suite.ts';
export { testUserStore } from '../testing/user-store-suite.ts';
export type { FailureCounter, OpenFailureCounter } from '../users/failure-counter.ts';
export type { UserRecord, UserStore } from '../users/user-store.ts';
