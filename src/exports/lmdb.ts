/** `session-cookie-login/lmdb`: the stores in an LMDB database. */
export { StoreOpenError } from '../stores/engine.ts';
export { type OpenLmdbOptions, openLmdb } from '../stores/lmdb/open.ts';
export { closeStores, type Stores } from '../stores/stores.ts';
