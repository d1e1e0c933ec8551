import { hash } from 'node:crypto';

/**
 * A key for a name or an id, short enough for every engine: a plain one as it is, so that an operator can read it,
 * and any other by its hash. JSON keeps apart what UTF-8 does not, such as two lone surrogates.
 */
export function storeKey(text: string): string {
  return /^[\w-]{1,64}$/.test(text) ? text : `#${hash('sha256', JSON.stringify(text), 'base64url')}`;
}
