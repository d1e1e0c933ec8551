/** A point in time in milliseconds since the epoch, as `Date.now` gives it. */
export type Milliseconds = number;

/** Tells the time. Injected wherever time matters, so that tests set it and never sleep. */
export type Clock = () => Milliseconds;

/** Where a sign-in comes from, for the user to recognize. */
export interface Client {
  /** The address, as text, or `unknown`. */
  readonly address: string;
  /** A short name such as "Firefox on Linux". */
  readonly device: string;
}

/** A session as the service shows it: a plain value that holds neither the token nor a hash of it. */
export interface Session extends Client {
  /** The session's public name: safe to list, to log and to put in a URL. The same across refreshes. */
  readonly id: string;
  readonly username: string;
  readonly createdAt: Milliseconds;
  /** When the user last proved who they are with a password. */
  readonly authenticatedAt: Milliseconds;
  /** The idle deadline: moved by a refresh, never past `endsAt`. At or after it the session is refused. */
  readonly expiresAt: Milliseconds;
  /** The absolute deadline, fixed at sign-in. */
  readonly endsAt: Milliseconds;
}

/** A secret that opened the session until a refresh replaced it. */
export interface ReplacedSecret {
  readonly secretHash: string;
  readonly replacedAt: Milliseconds;
}

/** A session as a store keeps it. The secret's hash is the record's version: every refresh changes it. */
export interface SessionRecord extends Session {
  readonly secretHash: string;
  /** Secrets of before, in the order in which they were replaced. Absent until there is one. */
  readonly replaced?: readonly ReplacedSecret[];
}

/** The session without its hashes: the only way from a record to the world outside of the rules. */
export function toSession(record: SessionRecord): Session {
  // One by one: to copy all but some costs more than to hash the secret.
  return {
    id: record.id,
    username: record.username,
    createdAt: record.createdAt,
    authenticatedAt: record.authenticatedAt,
    expiresAt: record.expiresAt,
    endsAt: record.endsAt,
    address: record.address,
    device: record.device,
  };
}

/** Whether a session is within both of its deadlines. */
export function isLive(session: Session, now: Milliseconds): boolean {
  return now < session.expiresAt && now < session.endsAt;
}
