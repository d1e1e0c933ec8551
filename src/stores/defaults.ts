/** The defaults of the stores. */
export const STORE_DEFAULTS = Object.freeze({
  timeoutMs: 500,
  /** The prefix of every key in Redis. */
  keyPrefix: 'login:',
  /** The most sessions that the memory store holds. */
  maxSessions: 1_000_000,
});
