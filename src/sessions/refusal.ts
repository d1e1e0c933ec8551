/** Why a token opens no session, or why none was started. For the log; a client is told `NotSignedIn` for all. */
export type Reason =
  | 'malformed token'
  | 'unknown session'
  | 'wrong secret'
  | 'replaced token'
  | 'reused token'
  | 'expired'
  | 'refreshed elsewhere'
  | 'no longer allowed'
  | "another user's session";

/** What a refusal is about, as far as it is known. */
interface Subject {
  readonly id: string;
  readonly username?: string;
}

/** A "no". */
export class Refusal {
  readonly reason: Reason;
  readonly subject: Subject | undefined;

  constructor(reason: Reason, subject?: Subject) {
    this.reason = reason;
    this.subject = subject && { id: subject.id, ...(subject.username && { username: subject.username }) };
  }
}
