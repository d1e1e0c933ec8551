import { requirePackages } from '../packages.ts';
import { usernameKey } from './username.ts';

/** The optional package with the common passwords. */
export const WORD_LIST = '@zxcvbn-ts/language-common';

const MAX_LENGTH = 1024;
/** A shorter user name can be part of a good password by chance. */
const MIN_NAME_LENGTH = 3;
/** The minimum length that NIST allows for a password with a second factor. A repeated shorter text is no stronger. */
const MIN_REPEATED_LENGTH = 8;

/**
 * Validates a new password: its length, and that it is not one that attackers try first. There are no composition
 * rules (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, 6.2). Lengths are in Unicode code points.
 * Returns the reason as a sentence if the password is rejected.
 */
export async function validatePassword(
  password: string,
  username: string,
  minLength: number,
): Promise<string | undefined> {
  const { length } = [...password];
  if (length < minLength) {
    const characters = length === 1 ? 'character' : 'characters';
    return `The password has ${length} ${characters}; it must have ${minLength} or more.`;
  }
  if (length > MAX_LENGTH) {
    return `The password has ${length} characters; it must have ${MAX_LENGTH} or fewer.`;
  }
  const nameKey = usernameKey(username);
  if (nameKey.length >= MIN_NAME_LENGTH && usernameKey(password).includes(nameKey)) {
    return "The password must not contain the user's name.";
  }
  const lowerCase = password.toLowerCase();
  const common = await commonPasswords();
  const unit = repeatedUnit(lowerCase);
  if (common.has(lowerCase) || common.has(unit)) {
    return 'The password is one of the most common ones: an attacker tries it first.';
  }
  return unit.length < MIN_REPEATED_LENGTH && unit !== lowerCase
    ? 'The password is a short text that repeats itself.'
    : undefined;
}

let loaded: Promise<ReadonlySet<string>> | undefined;

/** Returns about 50,000 passwords from breaches. They are loaded when the first password is validated. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  requirePackages('A check of new passwords', [WORD_LIST]);
  loaded ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].map((password) => String(password))),
  );
  return loaded;
}

/** Returns the shortest text that gives `text` when repeated, or `text` itself. */
function repeatedUnit(text: string): string {
  return text.slice(0, (text + text).indexOf(text, 1));
}
