import { canBeResolved, describeMissing } from '../packages.ts';

/**
 * The parameters of our Argon2id hashes: 19 MiB, two passes, one lane. This is a minimum of the OWASP Password Storage
 * Cheat Sheet. `memoryCost` is in KiB.
 */
export const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Bcrypt ignores the bytes of a password after these. */
const BCRYPT_BYTES = 72;

// The highest costs of an imported hash. Each takes one core for about a second (measured: argon2id with 256 MiB and
// eight passes 1.0 s, bcrypt with cost 14 1.2 s). With 64 passes it would be 8 s.
const MAX_ARGON2 = { memoryCost: 262_144, timeCost: 64, parallelism: 16 };
/** The highest product of memory and passes, which decides the time. */
const MAX_ARGON2_WORK = 2_097_152;
const MAX_BCRYPT_COST = 14;

/** Lengths in bytes. The length of a hash is a multiple of four in all common libraries: most cut ones are noticed. */
const SALT_BYTES = { min: 8, max: 64, multipleOf: 1 };
const HASH_BYTES = { min: 16, max: 64, multipleOf: 4 };

const COST = '(0|[1-9]\\d{0,8})';
const ARGON2ID_FORM = new RegExp(`^\\$argon2id\\$v=19\\$m=${COST},t=${COST},p=${COST}\\$([\\w+/=-]*)\\$([\\w+/=-]*)$`);
/** The last characters of the salt and of the hash contain unused bits, which must be zero. */
const BCRYPT_FORM = /^\$2[aby]\$(\d\d)\$[./\w]{21}[.Oeu][./\w]{30}[.CGKOSWaeimquy26]$/;
const BCRYPT_LIKE = /^\$2[aby]\$\d\d\$/;

/** A stored hash that cannot be verified. The message is the reason. It never contains the hash. */
export class UnusableHash extends Error {
  override readonly name = 'UnusableHash';
}

/** Tells whether a hash is a bcrypt hash, as `htpasswd -B` writes them. */
export function isBcrypt(passwordHash: string): boolean {
  return BCRYPT_FORM.test(passwordHash);
}

/** Validates an imported or stored hash. Returns the reason if it cannot be verified, or not in reasonable time. */
export function validateHash(passwordHash: string, isInstalled = canBeResolved): string | undefined {
  if (BCRYPT_LIKE.test(passwordHash)) {
    return validateBcrypt(passwordHash) ?? describeMissing('a bcrypt hash', ['@node-rs/bcrypt'], isInstalled);
  }
  const parsed = parseArgon2(passwordHash);
  return parsed === undefined
    ? 'neither an argon2id hash ($argon2id$v=19$…) nor a bcrypt hash ($2y$…)'
    : validateArgon2(parsed);
}

function validateBcrypt(passwordHash: string): string | undefined {
  const [, cost] = BCRYPT_FORM.exec(passwordHash) ?? [];
  if (cost === undefined) {
    return 'the bcrypt hash is cut short or has changed';
  }
  return isBetween(4, Number(cost), MAX_BCRYPT_COST) ? undefined : `the cost of bcrypt must be 4 to ${MAX_BCRYPT_COST}`;
}

function validateArgon2({ memoryCost, timeCost, parallelism, salt, hash }: Argon2Hash): string | undefined {
  const isWithin =
    isBetween(1, parallelism, MAX_ARGON2.parallelism) &&
    isBetween(1, timeCost, MAX_ARGON2.timeCost) &&
    isBetween(8 * parallelism, memoryCost, MAX_ARGON2.memoryCost) &&
    memoryCost * timeCost <= MAX_ARGON2_WORK;
  if (!isWithin) {
    return 'the costs of argon2id are out of range';
  }
  return isBase64(salt, SALT_BYTES) && isBase64(hash, HASH_BYTES)
    ? undefined
    : 'the argon2id hash is cut short or has changed';
}

/**
 * Tells whether the hash of a password that was just verified is weaker than a new one and must be replaced. A bcrypt
 * hash stays if the password has 72 bytes or more: bcrypt did not verify the rest of it, and the user's password may be
 * longer than the one that was sent.
 */
export function needsRehash(passwordHash: string, password: string): boolean {
  if (isBcrypt(passwordHash)) {
    return Buffer.byteLength(password) < BCRYPT_BYTES;
  }
  const parsed = parseArgon2(passwordHash);
  return parsed !== undefined && (parsed.memoryCost < ARGON2ID.memoryCost || parsed.timeCost < ARGON2ID.timeCost);
}

function isBetween(min: number, value: number, max: number): boolean {
  return min <= value && value <= max;
}

/** Whether the text is base64 without padding and unused bits, and decodes to an allowed number of bytes. */
function isBase64(text: string, { min, max, multipleOf }: typeof SALT_BYTES): boolean {
  const bytes = Buffer.from(text, 'base64');
  const isCanonical = bytes.toString('base64').replace(/=+$/, '') === text;
  return isCanonical && isBetween(min, bytes.length, max) && bytes.length % multipleOf === 0;
}

interface Argon2Hash {
  /** In KiB. */
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
  readonly salt: string;
  readonly hash: string;
}

function parseArgon2(passwordHash: string): Argon2Hash | undefined {
  const match = ARGON2ID_FORM.exec(passwordHash);
  if (match === null) {
    return undefined;
  }
  const [, memoryCost, timeCost, parallelism, salt = '', hash = ''] = match;
  return {
    memoryCost: Number(memoryCost),
    timeCost: Number(timeCost),
    parallelism: Number(parallelism),
    salt,
    hash,
  };
}
