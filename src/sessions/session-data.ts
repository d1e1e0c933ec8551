/**
 * What an app keeps with a session, such as a shopping cart. The app declares the fields:
 *
 *     declare module 'session-cookie-login' {
 *       interface SessionData {
 *         cart?: string[];
 *       }
 *     }
 *
 * It is JSON, at most {@link MAX_DATA_BYTES} long, and only the app reads and writes it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the app adds the fields (declaration merging).
export interface SessionData {}

/** The data of a session. Each field may be missing: a session starts with what the app passes to `startSession`. */
export type StoredData = Readonly<Partial<SessionData>>;

/** The longest data of a session, in bytes of JSON in UTF-8. */
export const MAX_DATA_BYTES = 4096;

/**
 * Checks what an app wants to keep, and returns a frozen copy of it. A field that is `undefined` is left out.
 * @throws TypeError if JSON would change or lose a part of it; RangeError if it is longer than {@link MAX_DATA_BYTES}.
 */
export function toStoredData(data: unknown): StoredData {
  if (!isPlainObject(data)) {
    throw new TypeError('the data of a session must be a plain object, and a change of it must not be asynchronous');
  }
  assertJson(data, 'data');
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DATA_BYTES) {
    throw new RangeError(`the data of a session has ${bytes} bytes as JSON; at most ${MAX_DATA_BYTES} are allowed`);
  }
  return freezeData(JSON.parse(text));
}

/** Freezes data and all that it holds. */
export function freezeData<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(Object.freeze(value)).forEach(freezeData);
  }
  return value;
}

/** Deeper data would not fit into {@link MAX_DATA_BYTES}, or refers to itself. */
const MAX_DEPTH = 2000;

/** @throws TypeError that names the first part that JSON would change. */
function assertJson(value: unknown, path: string, depth = 0): void {
  if (depth > MAX_DEPTH) {
    throw new TypeError('the data of a session is nested too deeply, or refers to itself');
  }
  if (Array.isArray(value)) {
    // By index: a hole of the array counts as well.
    for (let i = 0; i < value.length; i++) {
      assertJson(value[i], `${path}[${i}]`, depth + 1);
    }
  } else if (isPlainObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      if (field !== undefined) {
        assertJson(field, `${path}.${name}`, depth + 1);
      }
    }
  } else if (!(value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value))) {
    throw new TypeError(`${path} cannot be kept with a session: it is not a JSON value`);
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
