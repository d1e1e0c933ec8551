import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { decodeUtf8 } from './utf8.ts';

/** Invalid settings. The message has one line for each: its name, its value, what is allowed, and an example. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * A colon before the first slash: a URL, or a user and a password, in the place of a path. One character before the colon is
 * a drive of Windows.
 */
const URL_LIKE = /^[^/\\]{2,}:/;

/** The file that `loadConfig` reads, in the working directory. */
export const ENV_FILE = '.env';

/**
 * Reads `STORE_URL` from the file that `STORE_URL_FILE` names. Secrets of Docker and credentials of systemd are files: a
 * password in an environment variable is visible to more processes, and in more logs.
 * @throws ConfigError if both are set, or the file cannot be read or is empty. The message has no URL in the place of the path.
 */
export function readStoreUrlFile({
  STORE_URL,
  STORE_URL_FILE = 'none',
}: Readonly<NodeJS.Dict<string>>): NodeJS.Dict<string> {
  if (STORE_URL_FILE === '' || STORE_URL_FILE === 'none') {
    return {};
  }
  if (STORE_URL) {
    throw new ConfigError('STORE_URL and STORE_URL_FILE are both set. Set only one of them.');
  }
  const problem = (reason: string, shown = STORE_URL_FILE) =>
    `STORE_URL_FILE is "${shown}": ${reason}. Example: STORE_URL_FILE=/run/secrets/store_url`;
  if (URL_LIKE.test(STORE_URL_FILE)) {
    throw new ConfigError(problem('it must be the path of a file that holds the URL', onlyScheme(STORE_URL_FILE)));
  }
  let text: string;
  try {
    text = decodeUtf8(readFileSync(STORE_URL_FILE)).trim();
  } catch (error) {
    throw new ConfigError(problem(`the file cannot be read (${(error as Error).message})`), { cause: error });
  }
  if (text === '') {
    throw new ConfigError(problem('the file is empty'));
  }
  return { STORE_URL: text };
}

/** Leaves only the scheme of a URL that may hold a password: nothing tells where the password of an invalid URL ends. */
export function onlyScheme(url: string): string {
  return `${/^[a-z][a-z+]*:/i.exec(url)?.[0] ?? ''}…`;
}

/** The variables of `.env`. There are none if the file does not exist. */
export function readEnvFile(): NodeJS.Dict<string> {
  let text: string;
  try {
    text = decodeUtf8(readFileSync(ENV_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return {};
    }
    throw new ConfigError(`The file ${resolve(ENV_FILE)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // A quoted value may have several lines.
  const lines = text.replace(/=\s*(["'`])[\s\S]*?\1/g, (value) => `=${value.replace(/[^\n]/g, '')}`).split('\n');
  const number = 1 + lines.findIndex((line) => !/^\s*(#|$|(export\s+)?[\w.-]+\s*=)/.test(line));
  if (number > 0) {
    throw new ConfigError(`Line ${number} of ${resolve(ENV_FILE)} is not NAME=VALUE and not a comment.`);
  }
  return parseEnv(text);
}
