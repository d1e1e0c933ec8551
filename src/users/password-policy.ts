export interface PasswordPolicyOptions {
  /** How many characters (Unicode code points) a password has at least. */
  readonly minLength: number;
}

const MAX_LENGTH = 1024;
/** A shorter name may well be in a good password by chance. */
const TELLING_NAME_LENGTH = 3;
/** The shortest password that NIST knows as one factor of several: a piece below it, said twice, is no better. */
const WEAK_PIECE_LENGTH = 8;

/**
 * What a new password must be: long enough, and none that an attacker tries first. There are no rules of composition
 * (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5.0, 6.2).
 */
export class PasswordPolicy {
  readonly #minLength: number;

  constructor({ minLength }: PasswordPolicyOptions) {
    this.#minLength = minLength;
  }

  /** Why a password will not do for a user, as a sentence, or `undefined` if it will. */
  async objectionTo(password: string, username: string): Promise<string | undefined> {
    const { length } = [...password];
    if (length < this.#minLength) {
      return `The password has ${length} characters; it must have ${this.#minLength} or more.`;
    }
    if (length > MAX_LENGTH) {
      return `The password has ${length} characters; it must have ${MAX_LENGTH} or fewer.`;
    }
    const lowerCase = password.toLowerCase();
    if (username.length >= TELLING_NAME_LENGTH && lowerCase.includes(username.toLowerCase())) {
      return "The password must not contain the user's name.";
    }
    const common = await commonPasswords();
    const piece = smallestPiece(lowerCase);
    if (common.has(lowerCase) || common.has(piece)) {
      return 'The password is one of the most common ones: an attacker tries it first.';
    }
    return piece.length < WEAK_PIECE_LENGTH && piece !== lowerCase
      ? 'The password is a short piece that repeats itself.'
      : undefined;
  }
}

let loaded: Promise<ReadonlySet<string>> | undefined;

/** Some 50,000, from breaches, the most used ones first. Loaded when a password is set, and not before. */
function commonPasswords(): Promise<ReadonlySet<string>> {
  loaded ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].map((password) => String(password))),
  );
  return loaded;
}

/** What a text says over and over, or all of it. */
function smallestPiece(text: string): string {
  return text.slice(0, (text + text).indexOf(text, 1));
}
