/** The defaults of the session rules. */
export const SESSION_DEFAULTS = Object.freeze({
  idleSeconds: 120,
  /** 12 hours. */
  maxSeconds: 43_200,
  maxPerUser: 20,
  freshSeconds: 300,
  reuseWindowSeconds: 10,
});
