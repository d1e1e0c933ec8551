import { randomUUID } from 'node:crypto';
import { hashesMatch } from '../secrets.ts';
import type { Milliseconds } from '../types.ts';
import { freezeData, type StoredData } from './session-data.ts';

/** The client that a user signed in with, for the user to recognize. */
export interface Client {
  /** The IP address, or `unknown`. */
  readonly address: string;
  /** A short name such as "Firefox on Linux". */
  readonly device: string;
}

/** The user that a session belongs to. Stores index sessions by it. It never changes. */
export interface SessionOwner {
  /** The area of the app that accepts the session. Users of different areas may have the same id. */
  readonly namespace: string;
  /** The immutable id of the user. */
  readonly userId: string;
}

/** The namespace of the service, and of the plugin by default: the default name of its cookie. */
export const DEFAULT_NAMESPACE = 'session_token';

/** A session as the app sees it. It holds neither the token nor a hash of it. */
export interface Session extends Client, SessionOwner {
  /** The public name of the session: safe to list, to log and to use in a URL. It stays the same across refreshes. */
  readonly id: string;
  /** The name of the user. It changes if the user is renamed. */
  readonly username: string;
  readonly createdAt: Milliseconds;
  /** When the user last proved their identity with a password. */
  readonly authenticatedAt: Milliseconds;
  /** The idle deadline. A renewal moves it, at most to `endsAt`. The session is refused from this moment on. */
  readonly expiresAt: Milliseconds;
  /** The absolute deadline, fixed at sign-in. */
  readonly endsAt: Milliseconds;
  /** Whether the session is bound to its device: the browser proves for each new token that it has the key of the session. */
  readonly bound: boolean;
  /** What the app keeps with the session. It is frozen: `request.updateSession` changes it. */
  readonly data: StoredData;
}

/** The hash of a secret that a refresh has replaced. */
export interface ReplacedSecret {
  readonly secretHash: string;
  readonly replacedAt: Milliseconds;
  /** Until when the token of a bound session is still accepted: requests that are under way carry it. */
  readonly goodUntil?: Milliseconds;
}

/** What a sign-in offers to its browser: to bind the session to a key. */
export interface BindingOffer {
  /** SHA-256 of the secret of the challenge that the browser must sign. */
  readonly challengeHash: string;
  readonly expiresAt: Milliseconds;
}

/** A public key on the curve P-256: the coordinates of a JWK (RFC 7518, section 6.2.1). */
export interface PublicKey {
  readonly x: string;
  readonly y: string;
}

/** What binds a session to its browser. */
export interface Binding {
  readonly key: PublicKey;
  /** The key of the HMAC of challenges. */
  readonly challengeKey: string;
  /** The current token is refused from this moment on. The session may last longer. */
  readonly tokenExpiresAt: Milliseconds;
}

/** The layout of {@link SessionRecord}. It changes when older code could misread a record. */
export const SESSION_SCHEMA = 3;

/** A session as a store keeps it. */
export interface SessionRecord {
  readonly schema: typeof SESSION_SCHEMA;
  /** A random value. Every change of the record changes it. */
  readonly version: string;
  readonly session: Session;
  /** SHA-256 of the current secret. */
  readonly secretHash: string;
  /** Earlier secrets, the first replaced one first. */
  readonly replaced: readonly ReplacedSecret[];
  /** Until the browser accepts the offer of its sign-in. */
  readonly offer?: BindingOffer;
  /** If the session is bound. */
  readonly binding?: Binding;
}

/**
 * Returns a frozen record. All new and changed records are made here, field by field, so that V8 gives records of one kind
 * the same hidden class. If refreshed ones have another class, `authenticate` takes 1.6 times as long. Fields that a newer
 * version has added are kept.
 */
export function sessionRecord(fields: Omit<SessionRecord, 'schema' | 'version'>): SessionRecord {
  const { session, secretHash, replaced, ...otherFields } = fields;
  const { id, namespace, userId, username, createdAt, authenticatedAt, expiresAt, endsAt, ...rest } = session;
  const { bound, address, device, data, ...others } = rest;
  return freezeRecord({
    schema: SESSION_SCHEMA,
    version: randomUUID(),
    session: {
      id,
      namespace,
      userId,
      username,
      createdAt,
      authenticatedAt,
      expiresAt,
      endsAt,
      bound,
      address,
      device,
      data,
      ...others,
    },
    secretHash,
    replaced,
    ...otherFields,
  });
}

/** Returns the next version of a record. */
export function changedRecord(record: SessionRecord, changes: Partial<SessionRecord> = {}): SessionRecord {
  const { schema: _, version: __, ...fields } = record;
  return sessionRecord({ ...fields, ...changes });
}

/** Freezes a record that a store returns more than once: `request.session` is the session of the record itself. */
export function freezeRecord(record: SessionRecord): SessionRecord {
  Object.freeze(record.session);
  freezeData(record.session.data);
  return Object.freeze(record);
}

/** Whether the session is within both of its deadlines. */
export function isLive(session: Session, now: Milliseconds): boolean {
  return now < session.expiresAt && now < session.endsAt;
}

/**
 * How many replaced secrets a record keeps. With only one, a thief who refreshes twice would push out the secret of the
 * owner, and the owner's next request would not reveal the theft. An unbound session keeps the first three replaced secrets
 * and the latest one. A bound session keeps the latest four, because their tokens may still be accepted.
 */
const MAX_REPLACED = 4;

/**
 * The replaced secrets of a record whose current secret becomes `last`. Those replaced `memoryMs` before or earlier are
 * dropped: the cookies that held them have expired.
 */
export function withReplaced(
  { replaced }: SessionRecord,
  last: ReplacedSecret,
  memoryMs: Milliseconds,
): readonly ReplacedSecret[] {
  const recent = replaced.filter(({ replacedAt }) => last.replacedAt - replacedAt < memoryMs);
  const kept = last.goodUntil === undefined ? recent.slice(0, MAX_REPLACED - 1) : recent.slice(1 - MAX_REPLACED);
  return [...kept, last];
}

/** The replaced secret with this hash, or `undefined`. */
export function findReplaced({ replaced }: SessionRecord, hash: string): ReplacedSecret | undefined {
  return replaced.find(({ secretHash }) => hashesMatch(secretHash, hash));
}
