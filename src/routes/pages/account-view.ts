import type { FastifyRequest } from 'fastify';
import type { HttpError } from '../../errors.ts';
import type { Page } from '../../pages/render.ts';
import { texts } from '../../pages/texts.ts';
import { errorPageOf } from '../../plugins/error-pages.ts';
import { kSession } from '../../plugins/session-context.ts';
import { type Milliseconds, toIso } from '../../types.ts';
import { formError } from './form-error.ts';
import type { PageRoutesOptions } from './schemas.ts';

const t = texts.account;

/** These errors are shown above the form. All others belong to one field, or have a page of their own. */
const ABOVE_THE_FORM: ReadonlySet<number> = new Set([400, 429, 503]);

/** Messages of a password change that has failed: beside a field, or above the form. */
interface PasswordErrors {
  readonly error?: string | undefined;
  readonly currentPassword?: string | undefined;
  readonly newPassword?: string | undefined;
}

/** The account page of the signed-in user. @throws StoreUnavailable (503) */
export async function accountPageOf(
  request: FastifyRequest,
  { passwordMinLength, deviceBound }: PageRoutesOptions,
  { error, ...fieldErrors }: PasswordErrors = {},
): Promise<Page> {
  const { id, username, createdAt, expiresAt, endsAt, bound } = request.session;
  const sessions = await request.listSessions();
  return {
    template: 'account',
    title: t.title,
    self: '/account',
    username,
    since: timeOf(createdAt),
    until: timeOf(expiresAt),
    latest: timeOf(endsAt),
    bound,
    sessions: sessions.map(({ id: sessionId, device, address, createdAt: since, bound: isBound }) => ({
      id: sessionId,
      device,
      address,
      since: timeOf(since),
      binding: isBound ? t.bound : deviceBound && t.notBound,
      current: sessionId === id,
    })),
    error,
    passwordFields: passwordFields(passwordMinLength, fieldErrors),
  };
}

/** The account page after a password change that has failed. Other errors have a page of their own. */
export function accountAfterError(options: PageRoutesOptions) {
  return async (request: FastifyRequest, error: HttpError): Promise<Page | undefined> => {
    // The guard may have failed. Then there is no account to show.
    const errors = request[kSession] ? passwordErrors(error) : undefined;
    if (errors === undefined) {
      return undefined;
    }
    try {
      return { ...(await accountPageOf(request, options, errors)), hasError: true };
    } catch (failure) {
      // The list of sessions is missing. What is known about the password is not.
      if (errors.error === undefined) {
        throw failure;
      }
      return { ...errorPageOf(error, request.server.pagePath('')), message: errors.error };
    }
  };
}

/** The page of a sign-out or a refresh that the store has not confirmed. */
export function sessionError({ server }: FastifyRequest, error: HttpError): Page | undefined {
  const isUncertain = error.code === 'STORE_UNAVAILABLE';
  return isUncertain ? { ...errorPageOf(error, server.pagePath('')), message: texts.error.uncertain } : undefined;
}

/** The page of an ending that the store has not confirmed. If the guard has failed, nothing has ended. */
export function endingError(request: FastifyRequest, error: HttpError): Page | undefined {
  const isUncertain = request[kSession] && error.statusCode === 503;
  return isUncertain ? { ...errorPageOf(error, request.server.pagePath('')), message: t.endingUncertain } : undefined;
}

function passwordErrors(error: HttpError): PasswordErrors | undefined {
  const text = formError(error, { ...t, uncertain: t.changeUncertain });
  switch (error.code) {
    case 'WRONG_PASSWORD':
      return { currentPassword: text };
    case 'NEW_PASSWORD_REFUSED':
      return { newPassword: text };
    default:
      return ABOVE_THE_FORM.has(error.statusCode) ? { error: text } : undefined;
  }
}

function passwordFields(minLength: number, errors: Omit<PasswordErrors, 'error'>) {
  const fields = [
    { name: 'currentPassword', label: t.currentPassword, autocomplete: 'current-password', hint: undefined },
    { name: 'newPassword', label: t.newPassword, autocomplete: 'new-password', hint: t.newPasswordHint(minLength) },
  ] as const;
  return fields.map((field) => {
    const error = errors[field.name];
    const describedBy = [error && `${field.name}-error`, field.hint && `${field.name}-hint`].filter(Boolean).join(' ');
    return { ...field, error, describedBy };
  });
}

/** A time for people and for the page script, which shows it in the time zone of the browser. */
function timeOf(time: Milliseconds) {
  return { iso: toIso(time), text: texts.time(time) };
}
