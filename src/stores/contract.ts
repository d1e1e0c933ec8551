/** Logs a store that breaks its contract. Fastify's logger fits. */
export interface ContractLog {
  error(details: object, message: string): void;
}

/** What a method may return, for people and as a check. */
export interface Expected {
  readonly what: string;
  readonly accepts: (answer: unknown) => boolean;
}

export const ANYTHING: Expected = { what: 'anything', accepts: () => true };
export const BOOLEAN: Expected = { what: 'true or false', accepts: (answer) => typeof answer === 'boolean' };
export const COUNT: Expected = { what: 'a number', accepts: (answer) => Number.isFinite(answer) };
export const ITERABLE: Expected = {
  what: 'an iterable or an async iterable',
  accepts: (answer) => isObject(answer) && (Symbol.iterator in answer || Symbol.asyncIterator in answer),
};
export const SESSION: Expected = {
  what: 'a session record with the fields and types of SessionRecord, or undefined',
  accepts: (answer) => answer === undefined || isSessionRecord(answer),
};
export const SESSIONS: Expected = {
  what: 'an array of session records with the fields and types of SessionRecord',
  accepts: (answer) => Array.isArray(answer) && answer.every(isSessionRecord),
};
export const USER: Expected = {
  what: 'a user record with the fields and types of UserRecord, or undefined',
  accepts: (answer) => answer === undefined || isUserRecord(answer),
};
export const FAILURES: Expected = {
  what: 'an object with failures, windowId and endsInMs',
  accepts: (answer) =>
    isObject(answer) &&
    Number.isFinite(answer.failures) &&
    typeof answer.windowId === 'string' &&
    Number.isFinite(answer.endsInMs),
};
export const FAILURES_OR_UNDEFINED: Expected = {
  what: `${FAILURES.what}, or undefined`,
  accepts: (answer) => answer === undefined || FAILURES.accepts(answer),
};

/**
 * Returns a function that checks the answer of a method of a store: it returns the answer, and throws if it is not what the
 * contract says. The first such answer of each method is logged. Without this check, `null` for "no record" would be read as one, and a `create`
 * that returns nothing would look like a failure of the backend.
 */
export function contractOf(store: string, log: ContractLog) {
  const reported = new Set<string>();
  return <T>(method: string, answer: T, expected: Expected): T => {
    if (expected.accepts(answer)) {
      return answer;
    }
    const error = new TypeError(
      `the ${store} breaks its contract: ${method}() returned ${typeName(answer)}, but must return ${expected.what}`,
    );
    if (!reported.has(method)) {
      reported.add(method);
      log.error({ err: error }, `${error.message}; requests that need it are answered 503`);
    }
    throw error;
  };
}

/** Names the type only. The value could be a secret. */
function typeName(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return String(value);
  }
  return Array.isArray(value) ? 'an array with other elements' : `a value of type ${typeof value}`;
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}

/** It runs for each request. A loop over the names of the fields takes ten times as long. */
function isSessionRecord(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.version === 'string' &&
    typeof value.secretHash === 'string' &&
    Array.isArray(value.replaced) &&
    value.replaced.every(isReplacedSecret) &&
    (value.binding === undefined || isBinding(value.binding)) &&
    isSession(value.session)
  );
}

function isReplacedSecret(value: unknown): boolean {
  return isObject(value) && typeof value.secretHash === 'string' && Number.isFinite(value.replacedAt);
}

function isBinding(value: unknown): boolean {
  return (
    isObject(value) &&
    isObject(value.key) &&
    typeof value.challengeKey === 'string' &&
    Number.isFinite(value.tokenExpiresAt)
  );
}

function isSession(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.id === 'string' &&
    typeof value.namespace === 'string' &&
    typeof value.userId === 'string' &&
    typeof value.username === 'string' &&
    // A comparison with anything else, such as a date as text, would never find that the time has passed.
    Number.isFinite(value.createdAt) &&
    Number.isFinite(value.authenticatedAt) &&
    Number.isFinite(value.expiresAt) &&
    Number.isFinite(value.endsAt) &&
    typeof value.bound === 'boolean' &&
    isObject(value.data)
  );
}

function isUserRecord(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.disabled === 'boolean' &&
    ['id', 'username', 'passwordHash', 'version'].every((name) => typeof value[name] === 'string') &&
    (value.passwordLink === undefined || isPasswordLink(value.passwordLink))
  );
}

function isPasswordLink(value: unknown): boolean {
  return isObject(value) && typeof value.secretHash === 'string' && Number.isFinite(value.expiresAt);
}
