import type { HttpError } from '../../errors.ts';
import { errorTexts, texts } from '../../pages/texts.ts';

/** What a form says in its own words. */
interface FormTexts {
  tooManyFailures(wait: string): string;
  /** For a store that has failed: it may have made the change or not. Default: the text of the error page. */
  readonly uncertain?: string | undefined;
}

/** Describes an error to the user who has sent a form. */
export function formError({ code, message, headers }: HttpError, form: FormTexts): string | undefined {
  const text = errorTexts[code]?.message;
  switch (code) {
    case 'NEW_PASSWORD_REFUSED':
      return `${message} ${text}`;
    case 'TOO_MANY_FAILURES':
      return form.tooManyFailures(texts.wait(Number(headers?.['retry-after'])));
    case 'STORE_UNAVAILABLE':
      return form.uncertain ?? text;
    default:
      return text;
  }
}
