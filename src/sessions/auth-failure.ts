/**
 * Why a token, a proof or the id of a session was refused. It goes to the log. The client gets an error that does not say
 * it: `DeviceKeyRefused` for a registration, `DeviceProofRequired` if the proof for a live session is missing or wrong,
 * `NoSuchSession` for the id of a session to end, and `Unauthenticated` otherwise.
 */
export type AuthFailureReason =
  | 'malformed token'
  | 'unknown session'
  | 'wrong secret'
  | 'replaced token'
  | 'reused token'
  | 'expired'
  /** The session is live and bound: its browser gets another token for a proof. */
  | 'expired token'
  /** The token of the request opens a later session than the one that the request names. */
  | 'another session'
  | 'refreshed elsewhere'
  | "another user's session"
  | ProofProblem;

/** Why a request does not bind a session, or gets no new token for a bound one. */
export type ProofProblem = 'no proof' | 'malformed proof' | 'unknown offer' | 'unknown challenge' | 'wrong signature';

/** The session that a failure is about, as far as it is known. */
interface Subject {
  readonly id: string;
  readonly username?: string;
}

/** A token, or an id, that gives no access to a session. */
export class AuthFailure {
  readonly reason: AuthFailureReason;
  readonly subject: Subject | undefined;

  constructor(reason: AuthFailureReason, subject?: Subject) {
    this.reason = reason;
    this.subject = subject;
  }
}
