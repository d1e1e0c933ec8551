/** The tables with one JSON record for each key. */
export const SESSIONS = 'sessions';
export const USERS = 'users';
/** The indexes of the sessions. Each has one entry for each session. */
export const SESSIONS_BY_USER = 'sessions-by-user';
export const SESSIONS_BY_EXPIRY = 'sessions-by-expiry';
