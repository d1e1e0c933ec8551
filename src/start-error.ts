import { ConfigError } from './config-files.ts';
import { MissingPackageError } from './packages.ts';
import { StoreOpenError } from './stores/engine.ts';

/** Errors whose message is all that an operator needs. */
const START_ERRORS = [ConfigError, MissingPackageError, StoreOpenError];

/** Prints why a program cannot start, and ends it. */
export function exitWithStartError(error: unknown): never {
  console.error(START_ERRORS.some((type) => error instanceof type) ? (error as Error).message : error);
  process.exit(1);
}
