/**
 * Patience with the store, for every test that is not about a store that hangs: while another test keeps the disk busy,
 * a commit of LMDB may take longer than the service waits by default.
 */
export const PATIENT = { STORE_TIMEOUT_MS: '10000' };
