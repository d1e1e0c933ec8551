/** `session-cookie-login/login`: sign-in with a name and a password. */
export {
  InvalidCredentials,
  NewPasswordRefused,
  PasswordExpired,
  PasswordLinkInvalid,
  SignInBusy,
  TooManyFailures,
  WrongPassword,
} from '../errors.ts';
export { login } from '../plugins/login.ts';
export type { LoginOptions, LoginStores } from '../plugins/login-options.ts';
export { loginRoutes } from '../routes/login-routes.ts';
export { MemoryUserStore } from '../stores/memory/user-store.ts';
export type { Stores } from '../stores/stores.ts';
export type { Credentials } from '../users/authenticator.ts';
export type { FailureCount, FailureCounter, OpenFailureCounter } from '../users/failure-counter.ts';
export { createPasswordLink, type LinkToken } from '../users/password-link.ts';
export { PasswordHasher, type PasswordHasherOptions } from '../users/passwords.ts';
export { newUser, newVersion, type PasswordLink, type UserRecord, type UserStore } from '../users/user-store.ts';
export { usernameKey } from '../users/username.ts';
