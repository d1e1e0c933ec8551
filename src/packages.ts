/**
 * The optional peer dependencies, with the version that an install command must name: a newer one may not work.
 * package.json has the exact ranges.
 */
export const INSTALL_VERSIONS = {
  '@fastify/cors': 11,
  '@fastify/swagger': 9,
  '@fastify/swagger-ui': 6,
  '@node-rs/argon2': 2,
  // 1.10.9 and 2.0.0 are published for Linux on x64 only.
  '@node-rs/bcrypt': '1.10.8',
  '@redis/client': 6,
  '@zxcvbn-ts/language-common': 4,
  'cli-progress': 3,
  'close-with-grace': 2,
  commander: 14,
  eta: 4,
  lmdb: 3,
  negotiator: 1,
  'pino-pretty': 13,
  'prom-client': 15,
  read: 5,
  semver: 7,
  tldts: 7,
} as const;

export type OptionalPackage = keyof typeof INSTALL_VERSIONS;

/** Packages that a feature needs are not installed. The message names them and the command that installs them. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
}

/** @throws MissingPackageError if a package that `feature` needs is not installed. `feature` begins the sentence. */
export function requirePackages(feature: string, names: readonly OptionalPackage[], isInstalled = canBeResolved): void {
  const problem = describeMissing(feature, names, isInstalled);
  if (problem !== undefined) {
    throw new MissingPackageError(problem);
  }
}

/** Returns what is missing, and the command that installs it, or undefined. */
export function describeMissing(
  feature: string,
  names: readonly OptionalPackage[],
  isInstalled = canBeResolved,
): string | undefined {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) {
    return undefined;
  }
  const list = missing.join(', ').replace(/, (?=[^,]*$)/, ' and ');
  const versions = missing.map((name) => `${name}@${INSTALL_VERSIONS[name]}`);
  const noun = missing.length === 1 ? 'package' : 'packages';
  return `${feature} needs the optional ${noun} ${list}. Install with: npm install ${versions.join(' ')}`;
}

/** Tells whether Node finds the package. It does not load it. */
export function canBeResolved(name: OptionalPackage): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch (error) {
    // A bundler may have replaced import.meta. Then the import of the package decides.
    return (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND';
  }
}
