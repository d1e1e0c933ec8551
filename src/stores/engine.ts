import { hash } from 'node:crypto';
import { DEFAULT_NAMESPACE, type SessionOwner } from '../sessions/session.ts';
import type { Milliseconds } from '../types.ts';

/** Logs what happens to a store while it is open. Fastify's logger fits. */
export interface StoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export const SILENT: StoreLog = { info() {}, warn() {} };

/** The store cannot be opened, and waiting would not help. The message says which store, why, and what to do. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
}

/**
 * Encodes a name or an id as a key that every engine accepts. A plain one stays readable for operators, any other becomes
 * its hash. JSON keeps strings apart that UTF-8 does not, such as two lone surrogates.
 */
export function encodeKey(text: string): string {
  return /^[\w-]{1,64}$/.test(text) ? text : `#${hash('sha256', JSON.stringify(text), 'base64url')}`;
}

/** The key of the sessions of a user in an index. That of the default namespace is the same as before there were namespaces. */
export function ownerKey({ namespace, userId }: SessionOwner): string {
  const key = encodeKey(userId);
  return namespace === DEFAULT_NAMESPACE ? key : `${encodeKey(namespace)}:${key}`;
}

/** Resolves or rejects with the answer. Rejects if there is none within `timeoutMs`; `who` names the backend. */
export function withTimeout<T>(timeoutMs: Milliseconds, answer: PromiseLike<T>, who: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`${who} gave no answer within ${timeoutMs} ms`));
    // One turn later: if this process itself was blocked, an answer that has arrived meanwhile still counts.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
