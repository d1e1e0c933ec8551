import { escapeControlChars } from '../escape.ts';

/** A request that cannot be fulfilled. The message tells the operator why. */
export class AccountError extends Error {
  override readonly name = 'AccountError';
}

const MAX_NAME_LENGTH = 256;

/** Quotes a name for a message and escapes characters that a terminal would interpret. */
export function quote(name: string): string {
  return escapeControlChars(JSON.stringify(name));
}

/** @throws AccountError if a user must not have this name. */
export function assertValidName(username: string): void {
  const { length } = [...username];
  if (length === 0 || length > MAX_NAME_LENGTH) {
    throw new AccountError(`A user name must have 1 to ${MAX_NAME_LENGTH} characters; this one has ${length}.`);
  }
  if (escapeControlChars(username) !== username) {
    throw new AccountError(`The user name ${quote(username)} contains invisible characters.`);
  }
}

export function changedByOthers(): AccountError {
  return new AccountError('The user is being changed by somebody else. Try again.');
}

export function unknownUser(username: string): AccountError {
  return new AccountError(`The user ${quote(username)} does not exist.`);
}
