import { hash, verify } from '@node-rs/argon2';

/** The service's own: argon2id with 19 MiB, two passes, one lane. */
const COSTS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const PASSWORD = 'password1';

/**
 * How a contestant that brings no password hash checks one: everybody has the same password, and its hash costs what
 * ours costs, or nothing.
 * @param {boolean} real
 * @returns {Promise<(username: string, password: string) => boolean | Promise<boolean>>}
 */
export async function passwordCheck(real) {
  if (!real) {
    return (_username, password) => password === PASSWORD;
  }
  const hashed = await hash(PASSWORD, COSTS);
  return (_username, password) => verify(hashed, password);
}
