/**
 * A long store timeout, for every test that is not about a store that does not answer. While another test keeps the
 * disk busy, a commit of LMDB can take longer than the default timeout.
 */
export const LENIENT_TIMEOUTS = { STORE_TIMEOUT_MS: '10000' };

/** A short store timeout, for tests whose store never answers. */
export const SHORT_TIMEOUTS = { STORE_TIMEOUT_MS: '50' };
