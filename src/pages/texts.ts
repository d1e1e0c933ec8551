/**
 * Every text of the pages. To translate them, change this file. A reason for refusing a new password is the only text from
 * elsewhere: `src/users/password-policy.ts` writes it for the API as well.
 */

/** A title and a sentence for an error page. */
interface ErrorText {
  readonly title: string;
  readonly message: string;
}

const UNAVAILABLE: ErrorText = {
  title: 'The service does not answer',
  message: 'This is a temporary problem on our side. Nobody was signed out. Try again in a moment.',
};

const MISCONFIGURED: ErrorText = {
  title: 'This address is not set up',
  message: 'Tell the operator of the site: the log of the login service says why.',
};

const MALFORMED: ErrorText = {
  title: 'The request is not valid',
  message: 'Your browser sent something that this service does not understand. Nothing was changed.',
};

/** What an error page says, by the code of the error. */
export const errorTexts: Readonly<Record<string, ErrorText>> = {
  BAD_REQUEST: MALFORMED,
  INVALID_INPUT: MALFORMED,
  SIGN_IN_REFUSED: { title: 'Sign-in refused', message: 'Wrong user name or password.' },
  NOT_SIGNED_IN: { title: 'Your session has ended', message: 'Sign in to continue.' },
  SEVERAL_SESSION_COOKIES: {
    title: 'Too many session cookies',
    message:
      'Your browser sends several session cookies, and nothing tells which one is yours. Sign in again. If that does not help, delete the cookies of this site.',
  },
  SIGN_IN_AGAIN: { title: 'Confirm your password', message: 'Sign in again to do this.' },
  WRONG_PASSWORD: { title: 'Wrong password', message: 'The current password is wrong. Your password was not changed.' },
  NEW_PASSWORD_REFUSED: { title: 'New password refused', message: 'Your password was not changed.' },
  PASSWORD_EXPIRED: {
    title: 'Choose a new password',
    message: 'Your password has expired. Enter it once more, and choose a new one.',
  },
  PASSWORD_LINK_INVALID: {
    title: 'This link is not valid',
    message:
      'It has expired, it was used already, or you were sent a later one. Ask the operator of the site for another link.',
  },
  CROSS_ORIGIN_REFUSED: {
    title: 'Request refused',
    message: 'The request came from a page of another site. For your protection, nothing was changed.',
  },
  DEVICE_PROOF_REQUIRED: {
    title: 'Your browser extends this session',
    message: 'The session is bound to this device. The browser extends it when you open a page. Nothing was changed.',
  },
  DEVICE_KEY_REFUSED: {
    title: 'Request refused',
    message: 'The session could not be bound to this device. You are still signed in.',
  },
  BOUND_SESSION_REQUIRED: {
    title: 'This needs a session that is bound to this device',
    message: 'Your session is not bound to this device. Sign in again, or use another browser.',
  },
  SESSION_NOT_REFRESHED: UNAVAILABLE,
  PROXY_NOT_TRUSTED: MISCONFIGURED,
  FORWARDED_HEADERS_INVALID: MISCONFIGURED,
  TARGET_NOT_TRUSTED: MISCONFIGURED,
  NOT_A_NAVIGATION: { title: 'Request refused', message: 'This address can only be opened as a page.' },
  NO_SUCH_SESSION: { title: 'No such session', message: 'You have no such session. It may have ended already.' },
  NOT_FOUND: { title: 'Page not found', message: 'There is no page at this address.' },
  METHOD_NOT_ALLOWED: { title: 'Page not found', message: 'This address cannot be opened as a page.' },
  REQUEST_TIMEOUT: { title: 'The request took too long', message: 'Nothing was changed. Try again.' },
  BODY_TOO_LARGE: { title: 'Too much text', message: 'You sent more than 16 KiB. Nothing was changed.' },
  URI_TOO_LONG: { title: 'The address is too long', message: 'There is no page at this address.' },
  UNSUPPORTED_MEDIA_TYPE: MALFORMED,
  TOO_MANY_FAILURES: { title: 'Too many failed sign-ins', message: 'Try again later.' },
  HEADERS_TOO_LARGE: MALFORMED,
  INTERNAL_ERROR: { title: 'Something went wrong', message: 'This is a problem on our side. Try again later.' },
  SIGN_IN_BUSY: {
    title: 'Too many sign-ins at once',
    message: 'The service is busy. Nobody was signed out. Try again in a moment.',
  },
  STORE_UNAVAILABLE: UNAVAILABLE,
  STORE_FULL: {
    title: 'No room for another session',
    message: 'Nobody can sign in at present. Nobody was signed out. Try again in a moment.',
  },
  SHUTTING_DOWN: UNAVAILABLE,
};

/** What the account page says after an action, by the name of the action. */
export const doneTexts = {
  session: 'The session is signed out.',
  gone: 'That session had already ended.',
  others: 'All other sessions are signed out.',
  password: 'Your password is changed. All other sessions are signed out.',
  extended: 'Your session is extended.',
} as const;

export const texts = {
  /** The language of this file (BCP 47). Dates and durations follow it. */
  lang: 'en',
  /** `rtl` for a language that is written from right to left. */
  dir: 'ltr',
  /** The title of a page. Screen readers read it first, so it says that something failed. */
  pageTitle: (title: string, site: string, hasError: boolean) => `${hasError ? 'Error: ' : ''}${title} – ${site}`,
  time: (time: number) => `${DATE_AND_TIME.format(time)} UTC`,
  /** How long to wait, such as `in 15 minutes`. */
  wait: (seconds: number) => RELATIVE.format(...inLargestUnit(seconds)),
  signIn: {
    title: 'Sign in',
    continueHint: 'Sign in to continue.',
    confirmTitle: 'Confirm your password',
    confirmHint: 'You are signed in. Enter your password again to continue.',
    signedOut: 'You are signed out.',
    passwordSet: 'Your password is set. Sign in with it.',
    username: 'User name',
    password: 'Password',
    submit: 'Sign in',
    confirm: 'Confirm',
    newPassword: 'New password',
    tooManyFailures: (wait: string) => `Too many failed sign-ins. Try again ${wait}.`,
    /** A new sign-in ends the session before it. */
    uncertain:
      'This is a temporary problem on our side. Your earlier session may have ended. Sign in again in a moment.',
  },
  passwordLink: {
    title: 'Set your password',
    newPassword: 'New password',
    hint: (minLength: number) => `At least ${minLength} characters. All your sessions are signed out.`,
    submit: 'Set password',
    tooManyFailures: (wait: string) =>
      `Too many links that are not valid. Try again ${wait}. Your password was not set.`,
    uncertain:
      'This is a temporary problem on our side. If the link is refused from now on, try to sign in with the new password, and sign out all other sessions on the account page.',
  },
  signOut: {
    title: 'Sign out',
    message: 'Do you want to sign out?',
    submit: 'Sign out',
  },
  /** A button that stays pressed while the password is shown. Its name begins with the visible text (WCAG 2.5.3). */
  show: 'Show',
  showPassword: 'Show password',
  account: {
    title: 'Your account',
    signedInAs: 'Signed in as',
    since: 'Signed in since',
    until: 'Ends without activity',
    latest: 'Ends at the latest',
    timeLeft: 'Time left',
    extend: 'Stay signed in',
    signOut: 'Sign out',
    sessions: 'Where you are signed in',
    thisSession: 'This session',
    signedInAt: 'Signed in',
    bound: 'Bound to its device',
    notBound: 'Not bound to its device',
    signOutOthers: 'Sign out all other sessions',
    noOthers: 'You are not signed in anywhere else.',
    changePassword: 'Change password',
    currentPassword: 'Current password',
    newPassword: 'New password',
    newPasswordHint: (minLength: number) => `At least ${minLength} characters. All your other sessions are signed out.`,
    endingUncertain:
      'This is a temporary problem on our side. You are still signed in. Other sessions may have ended: look at the list of your sessions.',
    changeUncertain:
      'This is a temporary problem on our side. If your current password is refused from now on, the new one is valid.',
    tooManyFailures: (wait: string) => `Too many wrong passwords. Try again ${wait}. Your password was not changed.`,
  },
  expiring: {
    title: 'Are you still there?',
    message: 'You will be signed out in:',
    endMessage: 'The session cannot be extended. It ends in:',
    extend: 'Stay signed in',
    close: 'Close',
  },
  error: {
    toAccount: 'Go to your account',
    toSignIn: 'Sign in',
    /** After a sign-out or a refresh that the store has not confirmed. */
    uncertain:
      'This is a temporary problem on our side. Your session may have ended or not: go to your account to see. Nothing else was changed.',
    tryAgain: (wait: string) => `You can try again ${wait}.`,
  },
} as const;

const DATE_AND_TIME = new Intl.DateTimeFormat(texts.lang, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
const RELATIVE = new Intl.RelativeTimeFormat(texts.lang, { numeric: 'always' });

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** Rounds up, so that the user does not come back too early. */
function inLargestUnit(seconds: number): [number, Intl.RelativeTimeFormatUnit] {
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ['second', 1];
  return [Math.ceil(seconds / length), unit];
}
