/**
 * Argon2id with 19 MiB, two passes and one lane: what the OWASP Password Storage Cheat Sheet asks for at least.
 * `memoryCost` is in KiB.
 */
export const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Bcrypt looks at no more of a password. */
const BCRYPT_BYTES = 72;

// The most that a hash brought from elsewhere may cost: a second or so of one core, 256 MiB.
const MAX_ARGON2 = { memoryCost: 262_144, timeCost: 64, parallelism: 16 };
const MAX_BCRYPT_COST = 14;

const ARGON2ID_FORM = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[\w+/]{11,}\$[\w+/]{16,}$/;
const BCRYPT_FORM = /^\$2[aby]\$(\d\d)\$[./\w]{53}$/;

/** Whether a hash is one of bcrypt's, as `htpasswd -B` writes them. */
export function isBcrypt(passwordHash: string): boolean {
  return BCRYPT_FORM.test(passwordHash);
}

/** Why a hash brought from elsewhere cannot be used, or `undefined` if it can. */
export function objectionTo(passwordHash: string): string | undefined {
  const bcrypt = BCRYPT_FORM.exec(passwordHash);
  if (bcrypt) {
    const cost = Number(bcrypt[1]);
    return cost >= 4 && cost <= MAX_BCRYPT_COST ? undefined : `bcrypt's cost must be 4 to ${MAX_BCRYPT_COST}`;
  }
  const costs = argon2Costs(passwordHash);
  if (costs === undefined) {
    return 'neither an argon2id hash ($argon2id$v=19$…) nor a bcrypt hash ($2y$…)';
  }
  const isWithin =
    costs.parallelism >= 1 &&
    costs.parallelism <= MAX_ARGON2.parallelism &&
    costs.timeCost >= 1 &&
    costs.timeCost <= MAX_ARGON2.timeCost &&
    costs.memoryCost >= 8 * costs.parallelism &&
    costs.memoryCost <= MAX_ARGON2.memoryCost;
  return isWithin ? undefined : 'costs that no sign-in can pay for';
}

/**
 * Whether the hash of a password that was just verified had better be renewed: it is cheaper to guess than ours.
 * A bcrypt hash of a password that is longer than bcrypt looks stays: of its end nobody knows whether it was right.
 */
export function isOutdated(passwordHash: string, password: string): boolean {
  if (isBcrypt(passwordHash)) {
    return Buffer.byteLength(password) <= BCRYPT_BYTES;
  }
  const costs = argon2Costs(passwordHash);
  return (
    costs !== undefined && (costs.memoryCost < ARGON2ID.memoryCost || costs.timeCost < ARGON2ID.timeCost)
  );
}

function argon2Costs(passwordHash: string): typeof MAX_ARGON2 | undefined {
  const match = ARGON2ID_FORM.exec(passwordHash);
  if (match === null) {
    return undefined;
  }
  const [memoryCost = 0, timeCost = 0, parallelism = 0] = match.slice(1).map(Number);
  return { memoryCost, timeCost, parallelism };
}
