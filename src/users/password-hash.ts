/**
 * The parameters of our Argon2id hashes: 19 MiB, two passes, one lane. This is a minimum of the OWASP Password Storage
 * Cheat Sheet. `memoryCost` is in KiB.
 */
export const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Bcrypt ignores the bytes of a password after these. */
const BCRYPT_BYTES = 72;

// The highest costs of an imported hash. They take one core for about a second, and 256 MiB.
const MAX_ARGON2 = { memoryCost: 262_144, timeCost: 64, parallelism: 16 };
const MAX_BCRYPT_COST = 14;

const ARGON2ID_FORM = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[\w+/]{11,}\$[\w+/]{16,}$/;
const BCRYPT_FORM = /^\$2[aby]\$(\d\d)\$[./\w]{53}$/;

/** Tells whether a hash is a bcrypt hash, as `htpasswd -B` writes them. */
export function isBcrypt(passwordHash: string): boolean {
  return BCRYPT_FORM.test(passwordHash);
}

/** Validates an imported hash. Returns the reason if it cannot be used. */
export function validateHash(passwordHash: string): string | undefined {
  const bcrypt = BCRYPT_FORM.exec(passwordHash);
  if (bcrypt) {
    const cost = Number(bcrypt[1]);
    return cost >= 4 && cost <= MAX_BCRYPT_COST ? undefined : `the cost of bcrypt must be 4 to ${MAX_BCRYPT_COST}`;
  }
  const costs = argon2Costs(passwordHash);
  if (costs === undefined) {
    return 'neither an argon2id hash ($argon2id$v=19$…) nor a bcrypt hash ($2y$…)';
  }
  const { memoryCost, timeCost, parallelism } = costs;
  const isWithin =
    isBetween(1, parallelism, MAX_ARGON2.parallelism) &&
    isBetween(1, timeCost, MAX_ARGON2.timeCost) &&
    isBetween(8 * parallelism, memoryCost, MAX_ARGON2.memoryCost);
  return isWithin ? undefined : 'the costs of argon2id are out of range';
}

/**
 * Tells whether the hash of a password that was just verified is weaker than a new one and must be replaced. A bcrypt
 * hash of a password longer than 72 bytes stays: bcrypt did not verify the end of the password.
 */
export function needsRehash(passwordHash: string, password: string): boolean {
  if (isBcrypt(passwordHash)) {
    return Buffer.byteLength(password) <= BCRYPT_BYTES;
  }
  const costs = argon2Costs(passwordHash);
  return costs !== undefined && (costs.memoryCost < ARGON2ID.memoryCost || costs.timeCost < ARGON2ID.timeCost);
}

function isBetween(min: number, value: number, max: number): boolean {
  return min <= value && value <= max;
}

function argon2Costs(passwordHash: string): typeof MAX_ARGON2 | undefined {
  const match = ARGON2ID_FORM.exec(passwordHash);
  if (match === null) {
    return undefined;
  }
  const [memoryCost = 0, timeCost = 0, parallelism = 0] = match.slice(1).map(Number);
  return { memoryCost, timeCost, parallelism };
}
