/** The defaults of the password policy and of the sign-in rate limits. */
export const USER_DEFAULTS = Object.freeze({
  passwordMinLength: 15,
  failuresPerAddress: 20,
  failuresPerUser: 10,
  failureWindowSeconds: 900,
});
